#!/bin/sh
# Prints the days on which the lower quay read more than 8 cm above the upper one.
awk '$3 - $2 > 0.08 { print $1 }' "${1:-skerrow-levels.txt}"
