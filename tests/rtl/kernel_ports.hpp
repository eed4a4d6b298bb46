// The Verilated kernel under exalloc_card's names, so that the card's harness drives it.
#pragma once

#include <cstdint>

#include "Vexalloc.h"

namespace exalloc::test {

class KernelPorts {
  Vexalloc v_;

 public:
  // Ports that have another shape as well as another name; eval() carries them over.
  bool rst_i = false;
  std::uint8_t clk_i = 0;
  std::uint32_t gated_cycles_i = 0;
  std::uint32_t m_axis_pop_tdata_o[4] = {}, s_axis_push_tdata_i[4] = {};
  std::uint8_t m_axis_pop_tvalid_o = 0, m_axis_pop_tready_i = 0;
  std::uint8_t s_axis_push_tvalid_i = 0, s_axis_push_tready_o = 0;

  // Verilator calls it so because C++ has a word "interrupt".
  decltype(v_.__SYM__interrupt)& interrupt_o = v_.__SYM__interrupt;
#define EXALLOC_PORT(card, kernel) decltype(v_.kernel)& card = v_.kernel
  EXALLOC_PORT(s_axil_awaddr_i, s_axi_control_awaddr);
  EXALLOC_PORT(s_axil_awvalid_i, s_axi_control_awvalid);
  EXALLOC_PORT(s_axil_awready_o, s_axi_control_awready);
  EXALLOC_PORT(s_axil_wdata_i, s_axi_control_wdata);
  EXALLOC_PORT(s_axil_wstrb_i, s_axi_control_wstrb);
  EXALLOC_PORT(s_axil_wvalid_i, s_axi_control_wvalid);
  EXALLOC_PORT(s_axil_wready_o, s_axi_control_wready);
  EXALLOC_PORT(s_axil_bresp_o, s_axi_control_bresp);
  EXALLOC_PORT(s_axil_bvalid_o, s_axi_control_bvalid);
  EXALLOC_PORT(s_axil_bready_i, s_axi_control_bready);
  EXALLOC_PORT(s_axil_araddr_i, s_axi_control_araddr);
  EXALLOC_PORT(s_axil_arvalid_i, s_axi_control_arvalid);
  EXALLOC_PORT(s_axil_arready_o, s_axi_control_arready);
  EXALLOC_PORT(s_axil_rdata_o, s_axi_control_rdata);
  EXALLOC_PORT(s_axil_rresp_o, s_axi_control_rresp);
  EXALLOC_PORT(s_axil_rvalid_o, s_axi_control_rvalid);
  EXALLOC_PORT(s_axil_rready_i, s_axi_control_rready);
  EXALLOC_PORT(m_axi_awid_o, m_axi_host_awid);
  EXALLOC_PORT(m_axi_awaddr_o, m_axi_host_awaddr);
  EXALLOC_PORT(m_axi_awlen_o, m_axi_host_awlen);
  EXALLOC_PORT(m_axi_awsize_o, m_axi_host_awsize);
  EXALLOC_PORT(m_axi_awburst_o, m_axi_host_awburst);
  EXALLOC_PORT(m_axi_awcache_o, m_axi_host_awcache);
  EXALLOC_PORT(m_axi_awprot_o, m_axi_host_awprot);
  EXALLOC_PORT(m_axi_awvalid_o, m_axi_host_awvalid);
  EXALLOC_PORT(m_axi_awready_i, m_axi_host_awready);
  EXALLOC_PORT(m_axi_wdata_o, m_axi_host_wdata);
  EXALLOC_PORT(m_axi_wstrb_o, m_axi_host_wstrb);
  EXALLOC_PORT(m_axi_wlast_o, m_axi_host_wlast);
  EXALLOC_PORT(m_axi_wvalid_o, m_axi_host_wvalid);
  EXALLOC_PORT(m_axi_wready_i, m_axi_host_wready);
  EXALLOC_PORT(m_axi_bid_i, m_axi_host_bid);
  EXALLOC_PORT(m_axi_bresp_i, m_axi_host_bresp);
  EXALLOC_PORT(m_axi_bvalid_i, m_axi_host_bvalid);
  EXALLOC_PORT(m_axi_bready_o, m_axi_host_bready);
  EXALLOC_PORT(m_axi_arid_o, m_axi_host_arid);
  EXALLOC_PORT(m_axi_araddr_o, m_axi_host_araddr);
  EXALLOC_PORT(m_axi_arlen_o, m_axi_host_arlen);
  EXALLOC_PORT(m_axi_arsize_o, m_axi_host_arsize);
  EXALLOC_PORT(m_axi_arburst_o, m_axi_host_arburst);
  EXALLOC_PORT(m_axi_arcache_o, m_axi_host_arcache);
  EXALLOC_PORT(m_axi_arprot_o, m_axi_host_arprot);
  EXALLOC_PORT(m_axi_arvalid_o, m_axi_host_arvalid);
  EXALLOC_PORT(m_axi_arready_i, m_axi_host_arready);
  EXALLOC_PORT(m_axi_rid_i, m_axi_host_rid);
  EXALLOC_PORT(m_axi_rdata_i, m_axi_host_rdata);
  EXALLOC_PORT(m_axi_rresp_i, m_axi_host_rresp);
  EXALLOC_PORT(m_axi_rlast_i, m_axi_host_rlast);
  EXALLOC_PORT(m_axi_rvalid_i, m_axi_host_rvalid);
  EXALLOC_PORT(m_axi_rready_o, m_axi_host_rready);
#undef EXALLOC_PORT

  void eval() {
    v_.ap_clk = clk_i;
    v_.ap_rst_n = !rst_i;
    m_axis_pop_tvalid_o = s_axis_push_tready_o = 0;
#define EXALLOC_STREAM(i)                                    \
  v_.m_axis_pop_##i##_tready = m_axis_pop_tready_i >> (i)&1; \
  v_.s_axis_push_##i##_tdata = s_axis_push_tdata_i[i];       \
  v_.s_axis_push_##i##_tvalid = s_axis_push_tvalid_i >> (i)&1
    EXALLOC_STREAM(0);
    EXALLOC_STREAM(1);
    EXALLOC_STREAM(2);
    EXALLOC_STREAM(3);
#undef EXALLOC_STREAM
    v_.eval();
#define EXALLOC_STREAM(i)                                                              \
  m_axis_pop_tdata_o[i] = v_.m_axis_pop_##i##_tdata;                                   \
  m_axis_pop_tvalid_o |= static_cast<std::uint8_t>(v_.m_axis_pop_##i##_tvalid << (i)); \
  s_axis_push_tready_o |= static_cast<std::uint8_t>(v_.s_axis_push_##i##_tready << (i))
    EXALLOC_STREAM(0);
    EXALLOC_STREAM(1);
    EXALLOC_STREAM(2);
    EXALLOC_STREAM(3);
#undef EXALLOC_STREAM
  }
  void final() { v_.final(); }
};

}  // namespace exalloc::test
