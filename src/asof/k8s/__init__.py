"""The cluster: jobs, custom resources and their operator, chart, tenants.

Nothing is here yet: docs/status.md says what is to come.
"""
