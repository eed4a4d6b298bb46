#!/usr/bin/env python3
"""scripts/check-interface finds nothing in this tree, and each of many ways to break it.   interface_test.py [PACKER]

PACKER: exalloc-xclbin, to make the simulated card's xclbin with."""

import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKER = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None


def check(root, xclbin=None):
    command = [ROOT / "scripts/check-interface", "--root", root, *(["--xclbin", xclbin] if xclbin else [])]
    return subprocess.run(command, text=True, capture_output=True)


class Interface(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        for part in ("rtl", "bitstream", "host/include/exalloc"):
            shutil.copytree(ROOT / part, self.tree / part, ignore=shutil.ignore_patterns("*_props.svh", "build"))

    def broken(self, file, old, new, told, xclbin=None):
        """After this edit the check fails, and says so."""
        path = self.tree / file
        text = path.read_text()
        self.assertIn(old, text, f"{file} has changed: choose another edit")
        path.write_text(text.replace(old, new))
        result = check(self.tree, xclbin)
        path.write_text(text)
        self.assertEqual(result.returncode, 1, f"{file}: {old} -> {new} was not found\n{result.stderr}")
        self.assertRegex(result.stderr, told)

    def xclbin(self):
        file = self.tree / "card.xclbin"
        subprocess.run([PACKER, "pack", ROOT / "bitstream/xclbin/sim_card.json", file], check=True, stdout=subprocess.DEVNULL)
        return file

    def test_this_tree_agrees(self):
        result = check(ROOT, self.xclbin() if PACKER else None)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_rtl(self):
        rtl = "rtl/exalloc.sv"
        self.broken(rtl, "m_axis_pop_3_tdata, m_axis_pop_2_tdata", "m_axis_pop_2_tdata, m_axis_pop_3_tdata", "m_axis_pop_tdata_o of the card")
        self.broken(rtl, ".rst_i(!ap_rst_n)", ".rst_i(ap_rst_n)", "rst_i of the card")
        self.broken(rtl, ".interrupt_o(interrupt)", ".interrupt_o()", "interrupt")
        self.broken(rtl, ".m_axi_arcache_o(host_arcache)", ".m_axi_arcache_o()", "arcache")
        self.broken(rtl, "s_axi_control_", "s_axi_ctl_", "s_axi_c")
        self.broken(rtl, ".gated_cycles_i('0)", ".gated_cycles_i(32'd1)", "gated_cycles_i")

    def test_registers(self):
        self.broken("rtl/exalloc_pkg.sv", "RegCommandOffset = 16'h0040", "RegCommandOffset = 16'h0044", "register command:")
        self.broken("rtl/exalloc_pkg.sv", "PortalsBase = 16'h1000", "PortalsBase = 16'h1800", "register doorbell:")
        header = "host/include/exalloc/regs.hpp"
        self.broken(header, "portals_base = 0x1000", "portals_base = 0x1200", "register doorbell:")
        text = (self.tree / header).read_text()
        layout_hash = re.search(r"layout_hash = 0x\w+", text)[0]
        self.broken(header, layout_hash, "layout_hash = 0x12345678", "layout hash:")

    def test_packaging(self):
        self.broken("bitstream/interface.tcl", "{command 0x0040", "{command 0x0048", "register command:")
        self.broken("bitstream/interface.tcl", "HostStages 2", "HostSteps 2", "no parameter HostSteps")
        self.broken("bitstream/interface.tcl", "  m_axis_pop_2\n", "", "interfaces with a clock")
        self.broken("bitstream/interface.tcl", "set control_range 0x10000", "set control_range 0x8000", "address range")
        self.broken("bitstream/interface.tcl", "set pointers {\n  submission_base", "set pointers {\n", "pointer submission_base")
        self.broken("bitstream/gen_xo.tcl", "-ctrl_protocol user_managed", "-ctrl_protocol ap_ctrl_hs", "control protocol")
        self.broken("bitstream/package_kernel.tcl", "ipx::infer_bus_interface interrupt", "ipx::infer_bus_interface irq", "interrupt")
        self.broken("bitstream/package_kernel.tcl", "*.sv]]]", "exalloc*.sv]]]", "every file")
        self.broken("bitstream/kernel.xml", 'name="m_axi_host"', 'name="m_axi_gmem"', "m_axi_gmem")
        self.broken("bitstream/kernel.xml", 'dataWidth="512"', 'dataWidth="256"', "m_axi_host_wdata")
        self.broken("bitstream/kernel.xml", 'range="0x10000"', 'range="0x1000"', "s_axi_control_awaddr")
        self.broken("bitstream/kernel.xml", 'offset="0x1008"', 'offset="0x1010"', "pointer completion_base")
        self.broken("bitstream/kernel.xml", 'interrupt="true"', 'interrupt="false"', "port interrupt")

    def test_linking(self):
        link = "bitstream/link/u50.cfg"
        self.broken(link, "m_axi_host:HOST[0]", "m_axi_host:HBM[0]", "does not go to HOST")
        self.broken(link, "sc=exalloc_1.m_axis_pop_2:loopback_3.pop\n", "", "m_axis_pop_2 is not connected once")
        self.broken(link, "loopback_3.pop", "loopback_3.pops", "no stream port loopback_3.pops")
        self.broken(link, "nk=exalloc:1:exalloc_1", "nk=exalloc:1:exalloc_0", "no instance exalloc_1")
        self.broken(link, "platform=xilinx_u50_", "platform=xilinx_u250_", "platform")
        self.broken("bitstream/kernels/loopback.cpp", "port = seen", "port = saw", "loopback_1.seen")
        self.broken("bitstream/Makefile", "PART_u50 ", "PART_u51 ", "no part for the u50")

    @unittest.skipUnless(PACKER, "no packer given")
    def test_xclbin(self):
        xclbin = self.xclbin()
        self.broken("bitstream/kernel.xml", 'offset="0x1008"', 'offset="0x1010"', "argument 1", xclbin)
        good = xclbin.read_bytes()

        def broken(old, new, told):
            self.assertIn(old, good)
            edited = self.tree / "edited.xclbin"
            edited.write_bytes(good.replace(old, new))
            result = check(ROOT, edited)
            self.assertEqual(result.returncode, 1, f"{old} -> {new} was not found")
            self.assertRegex(result.stderr, told)

        broken(b'name="m_axi_host"', b'name="m_axi_gmem"', "port m_axi_gmem")
        broken(b"exalloc:exalloc_1", b"exalloc:exalloc_2", "IP_LAYOUT")
        broken(b'name="exalloc_1"', b'name="exalloc_2"', "instance")
        broken(b"HOST[0]", b"HOST[1]", "not to HOST")
        broken(b'name="m_axis_pop_3" addr', b'name="m_axis_pop_9" addr', "stream argument 5")
        broken(b'<kernel name="exalloc"', b'<kernel name="exalloq"', "has no kernel exalloc, but")
        link = struct.pack("<iii", 9, 0, 9)  # argument s_axis_push_3 of the first IP goes to dc_7
        broken(link, struct.pack("<iii", 9, 0, 8), "stream s_axis_push_3 goes to")
        layout_hash = re.search(rb'"exalloc.layout_hash"[^}]*', good)
        if layout_hash:
            broken(layout_hash[0], re.sub(rb"0x\w{8}", b"0x12345678", layout_hash[0]), "layout hash")


class Tcl(unittest.TestCase):
    def test_scripts_are_complete_commands(self):
        program = "set f [open [lindex $argv 0]]; exit [expr {![info complete [read $f]]}]"
        with tempfile.NamedTemporaryFile("w", suffix=".tcl") as script:
            script.write(program)
            script.flush()
            for file in sorted((ROOT / "bitstream").glob("*.tcl")):
                self.assertEqual(subprocess.run(["tclsh", script.name, file]).returncode, 0, file)
            with tempfile.NamedTemporaryFile("w", suffix=".tcl") as open_brace:
                open_brace.write("proc f {} {\n")
                open_brace.flush()
                self.assertEqual(subprocess.run(["tclsh", script.name, open_brace.name]).returncode, 1)

    def test_an_error_in_a_script_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for part in ("rtl", "bitstream", "host/include/exalloc"):
                shutil.copytree(ROOT / part, tree / part)
            script = tree / "bitstream/package_kernel.tcl"
            script.write_text(script.read_text().replace("ipx::save_core $core", "ipx::save_kore $core"))
            result = check(tree)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("save_kore", result.stderr)


class Make(unittest.TestCase):
    """Without AMD's tools the Makefile says which it wants."""

    def make(self, *words):
        return subprocess.run(["make", "-C", ROOT / "bitstream", *words], text=True, capture_output=True)

    def test_help_is_the_default(self):
        for words in ((), ("help",)):
            result = self.make(*words)
            self.assertEqual(result.returncode, 0)
            self.assertIn("Vitis", result.stdout)

    def test_unknown_cards_are_refused(self):
        result = self.make("xclbin", "CARD=u51")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("no card 'u51'; there are: u200 u250", result.stderr)

    @unittest.skipIf(shutil.which("vivado"), "there is a vivado")
    def test_missing_tools_are_named(self):
        with tempfile.TemporaryDirectory() as out:
            result = self.make("xclbin", "CARD=u50", f"OUT={out}")
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"no (vivado|v\+\+); source settings64.sh")


if __name__ == "__main__":
    unittest.main()
