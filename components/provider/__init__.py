"""The components for programs in other languages: what Pulumi's engine asks for, made with the library."""
