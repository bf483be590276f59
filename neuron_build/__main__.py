"""`python -m neuron_build`"""

from neuron_build.cli import app

app(prog_name="python -m neuron_build")
