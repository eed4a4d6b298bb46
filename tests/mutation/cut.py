#!/usr/bin/env python3
"""Cuts a module at its state: flip-flops, memories and submodules go, what they drove becomes an input, what drove them an output.

    cut.py MODULE <netlist.json >cut.json      (both as Yosys's write_json writes them)"""

import itertools
import json
import sys

module = json.load(sys.stdin)["modules"][sys.argv[1]]
cells = module["cells"]
fresh = itertools.count(1 + max(bit for net in module["netnames"].values() for bit in net["bits"] if isinstance(bit, int)))


def gate(kind, a, b):
    """The output of a new two-input cell, each bit of b for a bit of a."""
    y = [next(fresh) for _ in a]
    widths = {"A_WIDTH": len(a), "B_WIDTH": len(b), "Y_WIDTH": len(y), "A_SIGNED": 0, "B_SIGNED": 0}
    cells[f"cut{y[0]}"] = {
        "hide_name": 0, "type": kind, "attributes": {},
        "parameters": {name: format(value, "032b") for name, value in widths.items()},
        "port_directions": {"A": "input", "B": "input", "Y": "output"}, "connections": {"A": a, "B": b, "Y": y}}
    return y


for number, (name, cell) in enumerate(list(cells.items())):
    if not cell["type"].startswith(("$dff", "$mem")) and cell["type"].startswith("$"):
        continue
    del cells[name]
    connections = cell["connections"]
    if cell["type"] == "$memrd" and not int(cell["parameters"]["CLK_ENABLE"], 2):
        del connections["CLK"], connections["EN"]  # read without a clock
    if cell["type"] == "$memwr_v2":  # what is not written may be anything
        enable = connections["EN"]
        connections["DATA"] = gate("$and", connections["DATA"], enable)
        some = [enable[0]]
        for bit in enable[1:]:
            if bit != some[0]:
                some = gate("$or", some, [bit])
        connections["ADDR"] = gate("$and", connections["ADDR"], some * len(connections["ADDR"]))
    for port, bits in connections.items():
        direction = "output" if cell["port_directions"][port] == "input" else "input"
        module["ports"][f"cut{number}_{port}"] = {"direction": direction, "bits": bits}
module.pop("memories", None)
json.dump({"modules": {sys.argv[1]: module}}, sys.stdout)
