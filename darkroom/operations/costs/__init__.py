"""What a deployed campaign costs: AWS's own bill, and an estimate from what AWS measures."""
