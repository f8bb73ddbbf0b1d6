local FULL = false
