#!/bin/sh
# Writes the configuration file: the template with what only this pod knows.
set -eu
sed "s/{{ REGION }}/$REGION/g" /templates/config.yaml >/config/config.yaml
