"""What generators share; none of it is a component."""
