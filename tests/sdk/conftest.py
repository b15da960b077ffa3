"""One recorder and one BotSmith for all tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from product import Product, Simulator
from recorder import Recorder


@pytest.fixture(scope="session")
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.stop()


@pytest.fixture(scope="session")
def product(recorder):
    product = Product(recorder)
    yield product
    product.stop()


@pytest.fixture(scope="session")
def simulator():
    simulator = Simulator("AC00000000000000000000000000000000", "simulated-auth-token", "+14155550100")
    yield simulator
    simulator.stop()
