"""TLS in front of a server: the ambassador beside what people use instead, in one run on one machine."""
