#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completions that never come on a queue with interrupts: see escalation.sh.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"
. "$(dirname -- "$0")/escalation.sh"

# shellcheck disable=SC2034 # for faults.sh
mode=interrupt
escalation_cases
