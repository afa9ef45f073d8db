"""The data regulator: says, in a published spec, which individuals count as similar."""
