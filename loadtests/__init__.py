"""Drive any platform with the world's traffic, and keep what is needed to judge it."""
