"""Empties a bucket before CloudFormation deletes it, which it does to empty ones only."""
