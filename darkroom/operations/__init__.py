"""What an engineer does with a deployed campaign, through AWS's API alone: on AWS as in the sandbox."""
