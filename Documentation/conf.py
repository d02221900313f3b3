# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel-doc directive is the kernel's own: scripts/docs names a kernel
# source tree in srctree, as the kernel's build does.
import os
import sys

sys.path.insert(0, os.path.join(os.environ["srctree"], "Documentation/sphinx"))
extensions = ["kerneldoc"]
kerneldoc_srctree = os.path.abspath("..")

project = "asblk"
primary_domain = "c"
highlight_language = "none"
exclude_patterns = ["_build"]
html_show_sphinx = False
html_copy_source = False
