#!/bin/bash
# SPDX-License-Identifier: MIT
# readme_command.sh REPOSITORY: does what README says first, in a folder that looks like the repository.
set -euo pipefail
ln -s "$1/include" "$1/examples" .
command=$(grep -m1 '^    g++ ' "$1/README.md")
bash -ec "$command"
