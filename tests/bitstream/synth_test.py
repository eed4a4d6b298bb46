#!/usr/bin/env python3
"""scripts/synth counts what it says it counts, on netlists small enough to count by hand, and tells what is over its budget."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOADER = importlib.machinery.SourceFileLoader("synth", str(ROOT / "scripts/synth"))
synth = importlib.util.module_from_spec(importlib.util.spec_from_loader("synth", LOADER))
LOADER.exec_module(synth)


def lut(inputs, output, kind="LUT6"):
    return [kind, {f"I{i}": [b] for i, b in enumerate(inputs)}, {"O": [output]}, False]


def ff(data, output):
    return ["FDRE", {"D": [data], "C": [1]}, {"Q": [output]}, False]


def carry(below, sides, outputs, on):
    return ["CARRY4", {"CI": [below], "S": sides}, {"O": outputs, "CO": on}, False]


def netlist(cells, **ports):
    return {"ports": {name: list(port) for name, port in ports.items()}, "cells": cells, "names": {"10": "q"}}


class Levels(unittest.TestCase):
    def worst(self, *cells, units=None, **ports):
        return synth.analyse(netlist(list(cells), **ports), units).worst()

    def test_luts_between_registers(self):
        found = self.worst(ff(4, 10), lut([10, 2], 3), lut([3], 4), clk=("input", [1]), a=("input", [2]))
        self.assertEqual((found["levels"], found["with_carry"], found["into"]), (2, -1, "q"))

    def test_ports_begin_and_end_paths(self):
        found = self.worst(lut([2], 3), lut([3], 4), lut([4], 5), a=("input", [2]), y=("output", [5]))
        self.assertEqual((found["levels"], found["into"]), (3, "port y"))

    def test_an_inverter_is_free(self):
        self.assertEqual(self.worst(lut([2], 3, "INV"), lut([3], 4), a=("input", [2]), y=("output", [4]))["levels"], 1)

    def test_a_chain_counts_once(self):
        chain = [carry("0", [3, 3, 3, 3], [11, 12, 13, 14], [15, 16, 17, 18]), carry(18, [3, 3, 3, 3], [21, 22, 23, 24], [25, 26, 27, 28])]
        found = self.worst(lut([2], 3), *chain, lut([24], 4), ff(4, 10), a=("input", [2]))
        self.assertEqual((found["levels"], found["with_carry"], found["two_carries"]), (2, 2, -1))
        self.assertEqual(synth.carry_chains(chain), [2])
        self.assertEqual(synth.resources(netlist(chain))["carry8"], 1)

    def test_two_chains_one_after_the_other(self):
        found = self.worst(carry("0", [2] * 4, [11, 12, 13, 14], [15, 16, 17, 18]), lut([14], 3),
                           carry("0", [3] * 4, [21, 22, 23, 24], [25, 26, 27, 28]), ff(24, 10), a=("input", [2]))
        self.assertEqual(found["two_carries"], 1)
        # The side of a chain's second half comes from another chain
        found = self.worst(carry("0", [2] * 4, [11, 12, 13, 14], [15, 16, 17, 18]), carry("0", [2] * 4, [21, 22, 23, 24], [25, 26, 27, 28]),
                           carry(28, [14] * 4, [31, 32, 33, 34], [35, 36, 37, 38]), ff(34, 10), a=("input", [2]))
        self.assertEqual(found["two_carries"], 0)

    def test_memories(self):
        ram = lambda own: ["RAMB36E2", {"ADDRARDADDR": [2]}, {"DOUTADOUT": [3]}, own]
        found = self.worst(ram(False), lut([3], 4), ff(4, 10), a=("input", [2]))
        self.assertEqual((found["levels"], found["from_bram"]), (0, 1))
        found = self.worst(ram(True), lut([3], 4), ff(4, 10), a=("input", [2]))
        self.assertEqual((found["levels"], found["from_bram"]), (1, -1))
        # Distributed memory is read without a clock; what is written ends there.
        lutram = ["RAM32M16", {"ADDRA": [3], "ADDRH": [5], "DIA": [6], "WCLK": [1]}, {"DOA": [4]}, False]
        found = self.worst(lut([2], 3), lut([2], 5), lut([5], 6), lutram, ff(4, 10), a=("input", [2]))
        self.assertEqual(found["levels"], 2)
        self.assertEqual(synth.resources(netlist([lutram]))["lut"], 8)

    def test_paths_through_a_unit(self):
        unit = netlist([lut([2], 3), ff(2, 4)], a=("input", [2]), y=("output", [3]), z=("output", [4]), w=("output", [2]))
        box = lambda y, z, w: ["unit", {"a": [3]}, {"y": [y], "z": [z], "w": [w]}, False]
        for end, levels in ((11, 3), (12, 1), (13, 2)):  # through its LUT; from its register; straight through
            found = self.worst(lut([2], 3), box(11, 12, 13), lut([end], 4), ff(4, 10), units={"unit": unit}, a=("input", [2]))
            self.assertEqual(found["levels"], levels)

    def test_a_loop_is_told(self):
        with self.assertRaises(SystemExit):
            self.worst(lut([4], 3), lut([3], 4), ff(4, 10))


class Budget(unittest.TestCase):
    row = {"count": 1, "lut": 100, "ff": 50, "carry8": 2, "bram": 0.5, "uram": 0, "levels": 6, "two_carries": -1, "chain_bits": 24,
           "from_bram": 2, "from_uram": -1, "into": "state_q"}
    common = {"levels": 6, "two_carries": -1, "chain_bits": 24, "from_bram": 2, "from_uram": 1}

    def found(self, row=None, units=None, **limits):
        results = {"units": {"unit": {**self.row, **(row or {})}}, "card": None}
        return synth.exceeded(results, {"every unit": self.common, "units": units if units is not None else {"unit": limits}})

    def test_what_fits_is_silent(self):
        self.assertEqual(self.found(lut=100, ff=50, why="a reason is no figure"), [])

    def test_each_figure_is_compared(self):
        for figure in synth.FIGURES:
            self.assertEqual(len(self.found(**{figure: self.row[figure] - 0.5})), 1, figure)
        self.assertIn("7 LUT levels, the budget is 6 (into state_q)", self.found(row={"levels": 7})[0])
        self.assertEqual(self.found(row={"levels": 7}, levels=7), [])

    def test_every_unit_has_one(self):
        self.assertIn("unit has no budget", self.found(units={}))
        self.assertIn("no such unit", self.found(units={"unit": {}, "other": {}})[0])


class Kept(unittest.TestCase):
    row = {"key": "k", "lut": 100, "lut_memory": 8, "ff": 50, "carry8": 2, "bram": 0.5, "uram": 0, "chain_bits": 8, "levels": 5, "into": "state_q"}

    def found(self, kept, **measured):
        return synth.other_figures({"unit": {**self.row, **measured}}, kept)

    def test_the_same_figures_are_silent(self):
        self.assertEqual(self.found({"unit": {**self.row, "count": 4}}), [])
        self.assertEqual(self.found({"unit": self.row}, lut=103, levels=4, into="other_q"), [])

    def test_another_figure_of_the_same_sources_is_told(self):
        self.assertIn("104 LUT where", self.found({"unit": self.row}, lut=104)[0])
        for figure in ("ff", "lut_memory", "carry8", "bram", "uram", "chain_bits"):
            self.assertEqual(len(self.found({"unit": self.row}, **{figure: 7})), 1, figure)
        self.assertEqual(len(self.found({"unit": self.row}, levels=3)), 1)

    def test_of_other_sources_anything_may_be(self):
        self.assertEqual(self.found({"unit": {**self.row, "key": "old"}}, lut=150), [])
        self.assertEqual(self.found({}, lut=150), [])


class Keys(unittest.TestCase):
    def test_comments_do_not_count_and_code_does(self):
        sources = synth.Sources()
        before = sources.key(["\\rr_arbiter"])
        self.assertEqual(synth.without_comments("a  // b\n /* c */ d"), "a d")
        sources.text["rr_arbiter"] += " "
        self.assertNotEqual(sources.key(["\\rr_arbiter"]), before)

    def test_parts_count_and_strangers_do_not(self):
        sources = synth.Sources()
        before = sources.key(["\\slab_crossbar"])
        sources.text["lookaside_engine"] += " x"
        self.assertEqual(sources.key(["\\slab_crossbar"]), before)
        sources.text["crossbar_lane"] += " x"
        self.assertNotEqual(sources.key(["\\slab_crossbar"]), before)


if __name__ == "__main__":
    unittest.main()
