"""What the arguments of everything public are, read from their types and docstrings, in the words of those who check them."""
