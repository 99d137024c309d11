"""The pages and small endpoints under /staff/."""
