"""An encrypted answer by the installed package, for scripts/check-wheel."""

import shutil
import warnings

import numpy as np

import polyformer
from polyformer import client, server

assert shutil.which("c++") is None and shutil.which("cmake") is None
with open("lines.txt", "w") as lines:
    for i in range(450):
        print(*(chr(ord("a") + (i * 5 + word * (i % 7 + 1) + i // 11) % 8) for word in range(2 + i % 6)), file=lines)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    model = polyformer.Model.import_huggingface(
        "checkpoint", calibrate="lines.txt", context=8, texts=300, loss=0.01, escape=0.01, progress=False
    )
model.plan(insecure_ring_dimension=2048, progress=False).save("plan")
client.generate_keys(
    "plan/client", secret="secret.key", server_keys="server.keys", allow_insecure=True, progress=False
)
owner = client.Client("plan/client", "secret.key")
request = owner.encrypt("a b c")
reply = server.Server("plan/server", "server.keys", progress=False).infer(request, progress=False)
vector = owner.decrypt(reply, request).numbers()[0]
cosine = float(np.dot(vector, model.embed("a b c")) / np.linalg.norm(vector))
print(f"polyformer {polyformer.__version__}: cosine of the encrypted answer to the one in the clear {cosine:.4f}")
assert cosine > 0.98
