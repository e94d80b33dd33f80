"""Polyformer: transformers on encrypted data.

    model = polyformer.Model.import_huggingface("all-MiniLM-L6-v2", calibrate="lines.txt", context=32)
    plan = model.plan()      # what encryption will cost
    plan.save("plan")        # plan/client for data owners, plan/server for whoever computes

The two other roles are modules of their own: polyformer.client holds the secret key, polyformer.server has no code that
could read one. polyformer.ckks is the scheme by itself.
"""

from . import _model
from ._inputs import Input, Inputs
from ._progress import Progress
from .errors import Error, FormatError, InvalidAnswer, IoError
from .graph import Graph, GraphBuilder, Polynomial, fit, functions
from .messages import Message, Reply, Request
from .model import Head, Model, load
from .plan import KeyPoint, Plan, Stretch

__all__ = [
    "Error",
    "FormatError",
    "Graph",
    "GraphBuilder",
    "Head",
    "Input",
    "Inputs",
    "InvalidAnswer",
    "IoError",
    "Message",
    "KeyPoint",
    "Model",
    "Plan",
    "Polynomial",
    "Progress",
    "Reply",
    "Request",
    "Stretch",
    "fit",
    "functions",
    "load",
    "set_thread_count",
]

__version__: str = _model.version()


def set_thread_count(threads: int) -> None:
    """Limits what models compute on in the clear to so many threads; client, server and ckks have a limit each."""
    _model.set_thread_count(threads)
