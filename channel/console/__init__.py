"""The ops console: what a watch floor looks at. The channel operator's and each party's own run the same pages."""
