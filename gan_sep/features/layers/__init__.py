"""What feature networks share: front ends, the network of music tagging, files of weights."""
