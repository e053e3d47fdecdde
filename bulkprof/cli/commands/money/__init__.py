"""The commands about money: cost-tags, usage."""
