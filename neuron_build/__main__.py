"""`python -m neuron_build`"""

from neuron_build.cli import main

# The processes that compile parts import this module too.
if __name__ == "__main__":
    main()
