"""From data (a stack file, a command line, another language) to what the library is made of."""
