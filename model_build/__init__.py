"""What runs in a model build's SageMaker jobs: one script around the project's own commands."""
