"""The page of a report: index.html and excerpts/, opened from disk, to look at and to listen to."""
