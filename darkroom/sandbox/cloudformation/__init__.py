"""CloudFormation: an engine with AWS's order, replacement and roll-back, behind moto's API."""
