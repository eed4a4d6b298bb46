// rtl/exalloc_regs.sv: the AXI4-Lite slave that holds, decodes and checks the registers.
#include <algorithm>

#include "names.hpp"
#include "outputs.hpp"
#include "writer.hpp"

namespace exalloc::regs_gen {
namespace {

constexpr std::string_view introduction =
    R"(// The AXI4-Lite slave that decodes the registers. One write and one read are in hand at a
// time; AW, W and AR are taken in any order, and one access is executed a cycle, writes first.
// SLVERR answers what is not mapped or not aligned, writes to ro, reads of wo, and partial strobes.
//
//   ro        <register>_<field>_i      what a read returns
//   rw        <register>_<field>_o      the value held
//   wo        <register>_we_o           one cycle for each write; only then <register>_<field>_o
//   rw1c      <register>_<field>_set_i  sets the bit, also while the host clears it
//             <register>_<field>_o      the value held
//   external  <block>_we_o, _wdata_o    one cycle for each write; _index_o is the window, _addr_o
//                                       the byte in it
//             <block>_re_o              one cycle for each read, with _index_o and _addr_o; later
//                                       the block answers once, with _rvalid_i and _rdata_i)";

constexpr std::string_view bus_ports = R"(  input  logic        clk_i,
  input  logic        rst_i,

  input  logic [15:0] s_axil_awaddr_i,
  input  logic        s_axil_awvalid_i,
  output logic        s_axil_awready_o,
  input  logic [31:0] s_axil_wdata_i,
  input  logic [ 3:0] s_axil_wstrb_i,
  input  logic        s_axil_wvalid_i,
  output logic        s_axil_wready_o,
  output logic [ 1:0] s_axil_bresp_o,
  output logic        s_axil_bvalid_o,
  input  logic        s_axil_bready_i,
  input  logic [15:0] s_axil_araddr_i,
  input  logic        s_axil_arvalid_i,
  output logic        s_axil_arready_o,
  output logic [31:0] s_axil_rdata_o,
  output logic [ 1:0] s_axil_rresp_o,
  output logic        s_axil_rvalid_o,
  input  logic        s_axil_rready_i)";

constexpr std::string_view bus_state = R"(
  localparam logic [1:0] RespOkay = 2'b00;
  localparam logic [1:0] RespSlverr = 2'b10;

  // ---- Bus ----

  // What each channel has handed over and the decoder has not yet executed.
  logic        aw_held_q, w_held_q, ar_held_q;
  logic [15:0] write_addr_q, read_addr_q;
  logic [31:0] write_data_q;
  logic        write_full_q;

  // Answers waiting to be taken.
  logic        bvalid_q, rvalid_q;
  logic [ 1:0] bresp_q, rresp_q;
  logic [31:0] rdata_q;

  logic        write_now, write_full_now, read_now;
  assign write_now      = aw_held_q && w_held_q;
  assign write_full_now = write_now && write_full_q;
  assign read_now       = ar_held_q && !write_now;

  // A channel is ready only when the access before is over, so at most one is outstanding, and the
  // data of a write stays in place during the pulse that announces it.
  assign s_axil_awready_o = !aw_held_q && !bvalid_q;
  assign s_axil_wready_o  = !w_held_q && !bvalid_q;
  assign s_axil_bvalid_o  = bvalid_q;
  assign s_axil_bresp_o   = bresp_q;
  assign s_axil_rvalid_o  = rvalid_q;
  assign s_axil_rresp_o   = rresp_q;
  assign s_axil_rdata_o   = rdata_q;
)";

constexpr std::string_view write_channel = R"(
  always_ff @(posedge clk_i) begin
    if (s_axil_awvalid_i && s_axil_awready_o) begin
      aw_held_q    <= 1'b1;
      write_addr_q <= s_axil_awaddr_i;
    end
    if (s_axil_wvalid_i && s_axil_wready_o) begin
      w_held_q     <= 1'b1;
      write_data_q <= s_axil_wdata_i;
      write_full_q <= s_axil_wstrb_i == 4'hf;
    end
    if (bvalid_q && s_axil_bready_i) bvalid_q <= 1'b0;
    if (write_now) begin
      aw_held_q <= 1'b0;
      w_held_q  <= 1'b0;
      bvalid_q  <= 1'b1;
      bresp_q   <= write_good ? RespOkay : RespSlverr;
    end
    if (rst_i) begin
      aw_held_q <= 1'b0;
      w_held_q  <= 1'b0;
      bvalid_q  <= 1'b0;
    end
  end
)";

struct port {
  bool input;
  unsigned width;
  std::string name;
};

std::string range(unsigned width) {
  return width == 1 ? std::string(7, ' ') : fmt::format(" [{:2}:0]", width - 1);
}

std::string select(const field& f) {
  return f.width == 1 ? fmt::format("[{}]", f.lsb) : fmt::format("[{}:{}]", f.msb(), f.lsb);
}

std::string offset_name(const reg& r) {
  return fmt::format("exalloc_pkg::Reg{}Offset", upper_camel(r.name));
}

/// A read of it is answered by the decoder alone, with a constant.
bool is_constant(const reg& r) {
  return r.swaccess == access::ro &&
         (r.resval.has_value() || r.name == "version" || r.name == "layout_hash");
}

class decoder_writer {
 public:
  explicit decoder_writer(const description& d) : d_(d) {
    for (const block& b : d.blocks) {
      if (b.external) {
        windows_.push_back(&b);
        if (b.readable()) readable_windows_.push_back(b.name);
      } else {
        for (const reg& r : b.registers) registers_.push_back(&r);
      }
    }
  }

  std::string run() {
    out_.line("// {}", generated_notice);
    out_.line("//");
    out_.line("{}", introduction);
    out_.line("`default_nettype none");
    out_.blank();
    out_.line("module {}_regs (", d_.name);
    ports();
    out_.line(");");
    out_.line("{}", bus_state);
    writes();
    reads();
    checks();
    out_.blank();
    out_.line("endmodule");
    out_.blank();
    out_.line("`default_nettype wire");
    return out_.take();
  }

 private:
  static std::vector<port> register_ports(const reg& r) {
    std::vector<port> result;
    if (is_constant(r)) return result;
    if (r.swaccess == access::wo) result.push_back({false, 1, r.name + "_we_o"});
    for (const field& f : r.fields) {
      const std::string name = fmt::format("{}_{}", r.name, f.name);
      if (r.swaccess == access::ro) {
        result.push_back({true, f.width, name + "_i"});
      } else {
        if (r.swaccess == access::rw1c) result.push_back({true, f.width, name + "_set_i"});
        result.push_back({false, f.width, name + "_o"});
      }
    }
    return result;
  }

  static std::vector<port> window_ports(const block& b) {
    std::vector<port> result;
    if (b.writable()) {
      result.push_back({false, 1, b.name + "_we_o"});
      result.push_back({false, 32, b.name + "_wdata_o"});
    }
    if (b.readable()) result.push_back({false, 1, b.name + "_re_o"});
    result.push_back({false, b.index_bits(), b.name + "_index_o"});
    result.push_back({false, b.window_bits(), b.name + "_addr_o"});
    if (b.readable()) {
      result.push_back({true, 1, b.name + "_rvalid_i"});
      result.push_back({true, 32, b.name + "_rdata_i"});
    }
    return result;
  }

  void ports() {
    out_.line("{},", bus_ports);
    struct group {
      std::string title;
      std::vector<port> ports;
    };
    std::vector<group> groups;
    for (const reg* r : registers_) {
      groups.push_back({fmt::format("{} ({}): {}", r->name, to_string(r->swaccess), r->desc),
                        register_ports(*r)});
    }
    for (const block* b : windows_) {
      groups.push_back({fmt::format("{} (external): {}", b->name, b->desc), window_ports(*b)});
    }
    std::erase_if(groups, [](const group& g) { return g.ports.empty(); });
    for (const group& g : groups) {
      out_.blank();
      out_.prose("  // ", g.title);
      for (const port& p : g.ports) {
        const bool last = &g == &groups.back() && &p == &g.ports.back();
        out_.line("  {} logic{} {}{}", p.input ? "input " : "output", range(p.width), p.name,
                  last ? "" : ",");
      }
    }
  }

  /// Declares and computes <block>_<direction>_hit: the address is that of a register of the block.
  void window_hit(const block& b, std::string_view direction, bool (reg::*allowed)() const) {
    const unsigned bits = b.index_bits() + b.window_bits();
    const std::uint32_t mask = ((1U << address_bits) - 1) & ~((1U << bits) - 1);
    const std::string hit = fmt::format("{}_{}_hit", b.name, direction);
    const std::string addr = fmt::format("{}_addr_q", direction);
    std::string inside =
        fmt::format("({} & 16'h{:04x}) == exalloc_pkg::{}Base", addr, mask, upper_camel(b.name));
    if (b.count != 1U << b.index_bits()) {
      inside += fmt::format(" && {}[{}:{}] < {}'d{}", addr, bits - 1, b.window_bits(),
                            b.index_bits(), b.count);
    }
    std::vector<std::string> offsets;
    for (const reg& r : b.registers) {
      if ((r.*allowed)()) offsets.push_back(offset_name(r));
    }
    out_.line("  logic {};", hit);
    out_.line("  always_comb begin");
    out_.line("    case ({}[{}:0])", addr, b.window_bits() - 1);
    out_.line("      {}:", fmt::join(offsets, ",\n      "));
    out_.line("        {} = {};", hit, inside);
    out_.line("      default: {} = 1'b0;", hit);
    out_.line("    endcase");
    out_.line("  end");
  }

  void writes() {
    out_.line("  // ---- Writes ----");
    std::vector<std::string> hits;
    out_.blank();
    for (const reg* r : registers_) {
      if (!r->writable()) continue;
      hits.push_back(r->name + "_write_hit");
      out_.line("  logic {};", hits.back());
      out_.line("  assign {} = write_addr_q == {};", hits.back(), offset_name(*r));
    }
    for (const block* b : windows_) {
      if (!b->writable()) continue;
      window_hit(*b, "write", &reg::writable);
      hits.push_back(b->name + "_write_hit");
    }
    out_.blank();
    out_.line("  logic write_good;");
    out_.line("  assign write_good = write_full_q && ({});", fmt::join(hits, " ||\n      "));
    out_.line("{}", write_channel);
    pulses();
    held_values();
  }

  void pulses() {
    std::vector<std::string> names;
    for (const reg* r : registers_) {
      if (r->swaccess == access::wo) names.push_back(r->name);
    }
    for (const block* b : windows_) {
      if (b->writable()) names.push_back(b->name);
    }
    if (names.empty()) return;
    out_.line(
        "  // The pulses come with the answer, and the data is still in its holding register.");
    for (const std::string& n : names) out_.line("  logic {}_we_q;", n);
    out_.line("  always_ff @(posedge clk_i) begin");
    for (const std::string& n : names) {
      out_.line("    {0}_we_q <= !rst_i && write_full_now && {0}_write_hit;", n);
    }
    out_.line("  end");
    for (const std::string& n : names) out_.line("  assign {0}_we_o = {0}_we_q;", n);
    for (const reg* r : registers_) {
      if (r->swaccess != access::wo) continue;
      for (const field& f : r->fields) {
        out_.line("  assign {}_{}_o = write_data_q{};", r->name, f.name, select(f));
      }
    }
    for (const block* b : windows_) {
      if (b->writable()) out_.line("  assign {}_wdata_o = write_data_q;", b->name);
    }
    out_.blank();
  }

  void held_values() {
    for (const reg* r : registers_) {
      if (r->swaccess != access::rw && r->swaccess != access::rw1c) continue;
      out_.line("  // {}", r->name);
      for (const field& f : r->fields) {
        out_.line("  logic{} {}_{}_q;", range(f.width), r->name, f.name);
      }
      out_.line("  always_ff @(posedge clk_i) begin");
      out_.line("    if (write_full_now && {}_write_hit) begin", r->name);
      for (const field& f : r->fields) {
        if (r->swaccess == access::rw) {
          out_.line("      {}_{}_q <= write_data_q{};", r->name, f.name, select(f));
        } else {
          out_.line("      if (write_data_q{}) {}_{}_q <= 1'b0;", select(f), r->name, f.name);
        }
      }
      out_.line("    end");
      if (r->swaccess == access::rw1c) {
        out_.line("    // Later than the clearing, so that an event in its cycle is not lost.");
        for (const field& f : r->fields) {
          out_.line("    if ({0}_{1}_set_i) {0}_{1}_q <= 1'b1;", r->name, f.name);
        }
      }
      out_.line("    if (rst_i) begin");
      for (const field& f : r->fields) {
        const std::uint64_t value =
            (r->resval.value_or(0) >> f.lsb) & ((std::uint64_t{1} << f.width) - 1);
        out_.line("      {}_{}_q <= {}'h{:x};", r->name, f.name, f.width, value);
      }
      out_.line("    end");
      out_.line("  end");
      for (const field& f : r->fields) {
        out_.line("  assign {0}_{1}_o = {0}_{1}_q;", r->name, f.name);
      }
      out_.blank();
    }
  }

  /// What a read of a register returns, most significant bit first.
  [[nodiscard]] std::string read_value(const reg& r) const {
    if (r.name == "layout_hash") return "exalloc_pkg::LayoutHash";
    if (r.name == "version") return "{exalloc_pkg::VersionMajor, exalloc_pkg::VersionMinor}";
    if (is_constant(r)) return fmt::format("32'h{:08x}", *r.resval);
    std::vector<std::string> parts;
    unsigned above = r.bits;
    for (auto i = r.fields.rbegin(); i != r.fields.rend(); ++i) {
      const field& f = *i;
      if (above > f.msb() + 1) parts.push_back(fmt::format("{}'d0", above - f.msb() - 1));
      parts.push_back(
          fmt::format("{}_{}_{}", r.name, f.name, r.swaccess == access::ro ? "i" : "q"));
      above = f.lsb;
    }
    if (above > 0) parts.push_back(fmt::format("{}'d0", above));
    if (parts.size() == 1) return parts.front();
    std::string value = fmt::format("{{{}}}", fmt::join(parts, ", "));
    if (value.size() > 78)
      value = fmt::format("{{{}}}", fmt::join(parts, ",\n                     "));
    return value;
  }

  void reads() {
    out_.line("  // ---- Reads ----");
    out_.blank();
    out_.line("  logic [31:0] read_data;");
    out_.line("  logic        read_hit;");
    out_.line("  always_comb begin");
    out_.line("    read_hit = 1'b1;");
    out_.line("    case (read_addr_q)");
    for (const reg* r : registers_) {
      if (!r->readable()) continue;
      const std::string value = read_value(*r);
      out_.line("      {}:", offset_name(*r));
      out_.line("        read_data = {};", value);
    }
    out_.line("      default: begin");
    out_.line("        read_data = '0;");
    out_.line("        read_hit  = 1'b0;");
    out_.line("      end");
    out_.line("    endcase");
    out_.line("  end");
    out_.blank();
    for (const block* b : windows_) {
      if (b->readable()) window_hit(*b, "read", &reg::readable);
    }
    window_addresses();
    read_channel();
  }

  /// Both directions share the address towards the windows, since one access is executed a cycle.
  void window_addresses() {
    unsigned bits = 0;
    for (const block* b : windows_) bits = std::max(bits, b->index_bits() + b->window_bits());
    if (bits == 0) return;
    out_.blank();
    out_.line("  logic [{}:0] window_addr_q;", bits - 1);
    out_.line("  always_ff @(posedge clk_i) begin");
    out_.line("    window_addr_q <= write_now ? write_addr_q[{0}:0] : read_addr_q[{0}:0];",
              bits - 1);
    out_.line("  end");
    for (const block* b : windows_) {
      const unsigned low = b->window_bits();
      out_.line("  assign {}_index_o = window_addr_q[{}:{}];", b->name, low + b->index_bits() - 1,
                low);
      out_.line("  assign {}_addr_o = window_addr_q[{}:0];", b->name, low - 1);
    }
  }

  void read_channel() {
    out_.blank();
    std::string none_waiting = "!ar_held_q && !rvalid_q";
    for (const std::string& w : readable_windows_) {
      out_.line("  logic {0}_re_q, {0}_wait_q;", w);
      out_.line("  assign {0}_re_o = {0}_re_q;", w);
      none_waiting += fmt::format(" &&\n                            !{}_wait_q", w);
    }
    out_.line("  assign s_axil_arready_o = {};", none_waiting);
    out_.blank();
    out_.line("  always_ff @(posedge clk_i) begin");
    out_.line("    if (s_axil_arvalid_i && s_axil_arready_o) begin");
    out_.line("      ar_held_q   <= 1'b1;");
    out_.line("      read_addr_q <= s_axil_araddr_i;");
    out_.line("    end");
    out_.line("    if (rvalid_q && s_axil_rready_i) rvalid_q <= 1'b0;");
    std::string elsewhere;
    for (const std::string& w : readable_windows_) {
      out_.line("    {0}_re_q <= read_now && {0}_read_hit;", w);
      elsewhere +=
          fmt::format("{}{}_read_hit", elsewhere.empty() ? "" : " ||\n                     ", w);
    }
    out_.line("    if (read_now) begin");
    out_.line("      ar_held_q <= 1'b0;");
    out_.line("      rvalid_q  <= {};",
              readable_windows_.empty() ? "1'b1" : fmt::format("!({})", elsewhere));
    out_.line("      rresp_q   <= read_hit ? RespOkay : RespSlverr;");
    out_.line("      rdata_q   <= read_data;");
    for (const std::string& w : readable_windows_)
      out_.line("      {0}_wait_q <= {0}_read_hit;", w);
    out_.line("    end");
    for (const std::string& w : readable_windows_) {
      out_.line("    if ({0}_wait_q && {0}_rvalid_i) begin", w);
      out_.line("      {}_wait_q <= 1'b0;", w);
      out_.line("      rvalid_q <= 1'b1;");
      out_.line("      rresp_q  <= RespOkay;");
      out_.line("      rdata_q  <= {}_rdata_i;", w);
      out_.line("    end");
    }
    out_.line("    if (rst_i) begin");
    out_.line("      ar_held_q <= 1'b0;");
    out_.line("      rvalid_q  <= 1'b0;");
    for (const std::string& w : readable_windows_) {
      out_.line("      {}_re_q <= 1'b0;", w);
      out_.line("      {}_wait_q <= 1'b0;", w);
    }
    out_.line("    end");
    out_.line("  end");
  }

  void checks() {
    out_.blank();
    out_.line("`ifndef SYNTHESIS");
    out_.line("  always_ff @(posedge clk_i) begin");
    out_.line("    if (!rst_i) begin");
    for (const std::string& w : readable_windows_) {
      out_.line("      // {} may answer only a read.", w);
      out_.line("      assert (!{0}_rvalid_i || {0}_wait_q);", w);
    }
    out_.line("      // No answer is overwritten.");
    out_.line("      assert (!(write_now && bvalid_q));");
    out_.line("      assert (!(read_now && rvalid_q));");
    out_.line("    end");
    out_.line("  end");
    out_.line("`endif");
  }

  const description& d_;
  writer out_;
  std::vector<const reg*> registers_;
  std::vector<const block*> windows_;
  std::vector<std::string> readable_windows_;
};

}  // namespace

std::string emit_sv_decoder(const description& d) { return decoder_writer(d).run(); }

}  // namespace exalloc::regs_gen
