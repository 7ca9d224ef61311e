"""Seconds for a step of fine-tuning by PyTorch eager, the median of an epoch.

    tune_peer.py WEIGHTS.safetensors LAYER THREADS CLASSES frozen|features

ResNet-50, batch 32, eval mode (batch norms keep their statistics), Adam, on 250
made-up images: speed does not depend on them. 'frozen' runs the whole network
in each step, all before LAYER without gradients, as tutorials do; 'features'
runs the layers from LAYER on alone, on what comes before them computed once.
"""
import sys
import time

import torch
import torchvision
from safetensors.torch import load_file

weights, layer, threads, classes, how = sys.argv[1:]
torch.set_num_threads(int(threads))
model = torchvision.models.resnet50(weights=None)
model.load_state_dict(load_file(weights), strict=False)
model.fc = torch.nn.Linear(2048, int(classes))
model.eval()
names = [n for n, _ in model.named_children()]
late = names[names.index(layer):]
for name, p in model.named_parameters():
    p.requires_grad_(name.split(".")[0] in late)
adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-5, eps=1e-7)


def tail(x):
    for name in late[:-1]:
        x = getattr(model, name)(x)
    return model.fc(torch.flatten(x, 1))


x = torch.randn(32, 3, 224, 224)
t = torch.randint(0, int(classes), (32,))
with torch.no_grad():
    features = x
    for name in names[:names.index(layer)]:
        features = getattr(model, name)(features)
times = []
for step in range(8):
    begun = time.perf_counter()
    logits = model(x) if how == "frozen" else tail(features)
    loss = torch.nn.functional.cross_entropy(logits, t)
    adam.zero_grad()
    loss.backward()
    adam.step()
    times.append(time.perf_counter() - begun)
print(sorted(times[1:])[3])
