"""How a custom resource's function answers CloudFormation; goes into the asset of each that does."""
