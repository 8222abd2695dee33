"""What discriminators share; none of it is a component."""
