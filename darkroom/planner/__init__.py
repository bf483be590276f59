"""A campaign's day, simulated: what it will cost and how long people will wait, before it is deployed.

The policies are read from the campaign's own synthesized template and decided with
:mod:`darkroom.autoscaling`, the code that the local AWS decides with too.
"""
