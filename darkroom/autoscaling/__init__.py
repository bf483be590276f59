"""AWS's scaling semantics as pure functions over series and state: no clock, no I/O.

What AWS documents is cited where it is implemented; what it leaves open is a model with a parameter
(:class:`~darkroom.autoscaling.target_tracking.TargetTrackingModel`, the extra datapoints of
:mod:`~darkroom.autoscaling.alarms`).
"""
