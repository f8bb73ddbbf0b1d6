local FULL = true
