"""Serves a bundle: verifies it, reads requests, draws pictures. Knows nothing of SageMaker.

This package is copied into every bundle's code/ folder and runs in the model container: it imports
nothing of the rest of the project and keeps to Python 3.10, the version in AWS's Neuron containers.
"""
