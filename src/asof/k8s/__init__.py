"""The cluster: jobs, custom resources and their operator, chart, tenants. Nothing is here yet: see docs/status.md."""
