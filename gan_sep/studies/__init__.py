"""Studies: arms times seeds on one data set, planned, run as far as a budget goes, and reported."""
