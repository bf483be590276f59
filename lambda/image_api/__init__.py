"""The image API: a request becomes a job, the job becomes a picture or a reason why not.

``front`` answers the API, ``completion`` hears from the endpoint, ``reconciliation`` finishes what nobody
else did.
"""
