"""The version of this package, by https://semver.org; what is built reads it here."""

VERSION = "0.1.0"
