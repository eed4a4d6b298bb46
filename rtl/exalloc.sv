// The card under the port names that Vitis gives an RTL kernel, with register slices to cross dies.
//
// Contract: as exalloc_card; ap_rst_n is synchronous to ap_clk. The parameters of the card are
// passed on; ClockKhz must be the frequency that v++ gives ap_clk. HostStages, ControlStages and
// StreamStages are those of register_slice on m_axi_host, s_axi_control and the stream ports;
// ResetStages those of reset_pipe, in front of the card and inside it. With all of them 0 (as they
// are here) each port is a port of the card by another name. What a slice of a pop port holds has
// left the card: it counts as the kernel's.
// Cost: exalloc_card's, and that of the slices.
`default_nettype none

module exalloc #(
    parameter int unsigned NumBanks       = 4,
    parameter int unsigned NumSlabs       = 65536,
    parameter int unsigned NumLists       = 255,
    parameter int unsigned NumPortals     = 64,
    parameter int unsigned NumWorkers     = 16,
    parameter int unsigned NumLookaside   = 64,
    parameter int unsigned LookasideDepth = 256,
    parameter int unsigned ClockKhz       = 300000,
    parameter int unsigned HostStages     = 0,
    parameter int unsigned ControlStages  = 0,
    parameter int unsigned StreamStages   = 0,
    parameter int unsigned ResetStages    = 0
) (
    input  wire          ap_clk,
    input  wire          ap_rst_n,
    // verilator lint_off SYMRSVDWORD
    output logic         interrupt,  // the name Vitis looks for
    // verilator lint_on SYMRSVDWORD

    input  wire  [ 15:0] s_axi_control_awaddr,
    input  wire          s_axi_control_awvalid,
    output logic         s_axi_control_awready,
    input  wire  [ 31:0] s_axi_control_wdata,
    input  wire  [  3:0] s_axi_control_wstrb,
    input  wire          s_axi_control_wvalid,
    output logic         s_axi_control_wready,
    output logic [  1:0] s_axi_control_bresp,
    output logic         s_axi_control_bvalid,
    input  wire          s_axi_control_bready,
    input  wire  [ 15:0] s_axi_control_araddr,
    input  wire          s_axi_control_arvalid,
    output logic         s_axi_control_arready,
    output logic [ 31:0] s_axi_control_rdata,
    output logic [  1:0] s_axi_control_rresp,
    output logic         s_axi_control_rvalid,
    input  wire          s_axi_control_rready,

    output logic         m_axi_host_awid,
    output logic [ 63:0] m_axi_host_awaddr,
    output logic [  7:0] m_axi_host_awlen,
    output logic [  2:0] m_axi_host_awsize,
    output logic [  1:0] m_axi_host_awburst,
    output logic [  3:0] m_axi_host_awcache,
    output logic [  2:0] m_axi_host_awprot,
    output logic         m_axi_host_awvalid,
    input  wire          m_axi_host_awready,
    output logic [511:0] m_axi_host_wdata,
    output logic [ 63:0] m_axi_host_wstrb,
    output logic         m_axi_host_wlast,
    output logic         m_axi_host_wvalid,
    input  wire          m_axi_host_wready,
    input  wire          m_axi_host_bid,
    input  wire  [  1:0] m_axi_host_bresp,
    input  wire          m_axi_host_bvalid,
    output logic         m_axi_host_bready,
    output logic         m_axi_host_arid,
    output logic [ 63:0] m_axi_host_araddr,
    output logic [  7:0] m_axi_host_arlen,
    output logic [  2:0] m_axi_host_arsize,
    output logic [  1:0] m_axi_host_arburst,
    output logic [  3:0] m_axi_host_arcache,
    output logic [  2:0] m_axi_host_arprot,
    output logic         m_axi_host_arvalid,
    input  wire          m_axi_host_arready,
    input  wire          m_axi_host_rid,
    input  wire  [511:0] m_axi_host_rdata,
    input  wire  [  1:0] m_axi_host_rresp,
    input  wire          m_axi_host_rlast,
    input  wire          m_axi_host_rvalid,
    output logic         m_axi_host_rready,

    output logic [ 31:0] m_axis_pop_0_tdata,
    output logic         m_axis_pop_0_tvalid,
    input  wire          m_axis_pop_0_tready,
    output logic [ 31:0] m_axis_pop_1_tdata,
    output logic         m_axis_pop_1_tvalid,
    input  wire          m_axis_pop_1_tready,
    output logic [ 31:0] m_axis_pop_2_tdata,
    output logic         m_axis_pop_2_tvalid,
    input  wire          m_axis_pop_2_tready,
    output logic [ 31:0] m_axis_pop_3_tdata,
    output logic         m_axis_pop_3_tvalid,
    input  wire          m_axis_pop_3_tready,

    input  wire  [ 31:0] s_axis_push_0_tdata,
    input  wire          s_axis_push_0_tvalid,
    output logic         s_axis_push_0_tready,
    input  wire  [ 31:0] s_axis_push_1_tdata,
    input  wire          s_axis_push_1_tvalid,
    output logic         s_axis_push_1_tready,
    input  wire  [ 31:0] s_axis_push_2_tdata,
    input  wire          s_axis_push_2_tvalid,
    output logic         s_axis_push_2_tready,
    input  wire  [ 31:0] s_axis_push_3_tdata,
    input  wire          s_axis_push_3_tvalid,
    output logic         s_axis_push_3_tready
);

  localparam int unsigned NumStreams = 4;  // as many as there are ports above

  logic rst;
  reset_pipe #(.Stages(ResetStages), .Copies(1)) u_reset (
      .clk_i(ap_clk), .rst_i(!ap_rst_n), .rst_o(rst));

  // ---- Between the ports and the card ----

  logic control_awvalid, control_awready, control_wvalid, control_wready, control_bvalid,
      control_bready, control_arvalid, control_arready, control_rvalid, control_rready, host_awid,
      host_awvalid, host_awready, host_wlast, host_wvalid, host_wready, host_bid, host_bvalid,
      host_bready, host_arid, host_arvalid, host_arready, host_rid, host_rlast, host_rvalid,
      host_rready;
  logic [1:0] control_bresp, control_rresp, host_awburst, host_bresp, host_arburst, host_rresp;
  logic [2:0] host_awsize, host_awprot, host_arsize, host_arprot;
  logic [3:0] control_wstrb, host_awcache, host_arcache;
  logic [7:0] host_awlen, host_arlen;
  logic [15:0] control_awaddr, control_araddr;
  logic [31:0] control_wdata, control_rdata;
  logic [63:0] host_awaddr, host_wstrb, host_araddr;
  logic [511:0] host_wdata, host_rdata;

  register_slice #(.Width(16), .Stages(ControlStages)) u_control_aw (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(s_axi_control_awvalid),
      .in_ready_o(s_axi_control_awready), .in_data_i(s_axi_control_awaddr),
      .out_valid_o(control_awvalid), .out_ready_i(control_awready), .out_data_o(control_awaddr));
  register_slice #(.Width(36), .Stages(ControlStages)) u_control_w (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(s_axi_control_wvalid),
      .in_ready_o(s_axi_control_wready), .in_data_i({s_axi_control_wdata, s_axi_control_wstrb}),
      .out_valid_o(control_wvalid), .out_ready_i(control_wready), .out_data_o({control_wdata,
      control_wstrb}));
  register_slice #(.Width(2), .Stages(ControlStages)) u_control_b (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(control_bvalid), .in_ready_o(control_bready),
      .in_data_i(control_bresp), .out_valid_o(s_axi_control_bvalid),
      .out_ready_i(s_axi_control_bready), .out_data_o(s_axi_control_bresp));
  register_slice #(.Width(16), .Stages(ControlStages)) u_control_ar (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(s_axi_control_arvalid),
      .in_ready_o(s_axi_control_arready), .in_data_i(s_axi_control_araddr),
      .out_valid_o(control_arvalid), .out_ready_i(control_arready), .out_data_o(control_araddr));
  register_slice #(.Width(34), .Stages(ControlStages)) u_control_r (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(control_rvalid), .in_ready_o(control_rready),
      .in_data_i({control_rdata, control_rresp}), .out_valid_o(s_axi_control_rvalid),
      .out_ready_i(s_axi_control_rready), .out_data_o({s_axi_control_rdata, s_axi_control_rresp}));
  register_slice #(.Width(85), .Stages(HostStages)) u_host_aw (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(host_awvalid), .in_ready_o(host_awready),
      .in_data_i({host_awid, host_awaddr, host_awlen, host_awsize, host_awburst, host_awcache,
      host_awprot}), .out_valid_o(m_axi_host_awvalid), .out_ready_i(m_axi_host_awready),
      .out_data_o({m_axi_host_awid, m_axi_host_awaddr, m_axi_host_awlen, m_axi_host_awsize,
      m_axi_host_awburst, m_axi_host_awcache, m_axi_host_awprot}));
  register_slice #(.Width(577), .Stages(HostStages)) u_host_w (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(host_wvalid), .in_ready_o(host_wready),
      .in_data_i({host_wdata, host_wstrb, host_wlast}), .out_valid_o(m_axi_host_wvalid),
      .out_ready_i(m_axi_host_wready), .out_data_o({m_axi_host_wdata, m_axi_host_wstrb,
      m_axi_host_wlast}));
  register_slice #(.Width(3), .Stages(HostStages)) u_host_b (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(m_axi_host_bvalid), .in_ready_o(m_axi_host_bready),
      .in_data_i({m_axi_host_bid, m_axi_host_bresp}), .out_valid_o(host_bvalid),
      .out_ready_i(host_bready), .out_data_o({host_bid, host_bresp}));
  register_slice #(.Width(85), .Stages(HostStages)) u_host_ar (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(host_arvalid), .in_ready_o(host_arready),
      .in_data_i({host_arid, host_araddr, host_arlen, host_arsize, host_arburst, host_arcache,
      host_arprot}), .out_valid_o(m_axi_host_arvalid), .out_ready_i(m_axi_host_arready),
      .out_data_o({m_axi_host_arid, m_axi_host_araddr, m_axi_host_arlen, m_axi_host_arsize,
      m_axi_host_arburst, m_axi_host_arcache, m_axi_host_arprot}));
  register_slice #(.Width(516), .Stages(HostStages)) u_host_r (
      .clk_i(ap_clk), .rst_i(rst), .in_valid_i(m_axi_host_rvalid), .in_ready_o(m_axi_host_rready),
      .in_data_i({m_axi_host_rid, m_axi_host_rdata, m_axi_host_rresp, m_axi_host_rlast}),
      .out_valid_o(host_rvalid), .out_ready_i(host_rready), .out_data_o({host_rid, host_rdata,
      host_rresp, host_rlast}));

  logic [NumStreams*32-1:0] pop_tdata, push_tdata, kernel_pop_tdata, kernel_push_tdata;
  logic [NumStreams-1:0] pop_tvalid, pop_tready, kernel_pop_tvalid, kernel_pop_tready;
  logic [NumStreams-1:0] push_tvalid, push_tready, kernel_push_tvalid, kernel_push_tready;

  for (genvar i = 0; i < NumStreams; i++) begin : g_stream
    register_slice #(.Width(32), .Stages(StreamStages)) u_pop (
        .clk_i(ap_clk), .rst_i(rst), .in_valid_i(pop_tvalid[i]), .in_ready_o(pop_tready[i]),
        .in_data_i(pop_tdata[i*32+:32]), .out_valid_o(kernel_pop_tvalid[i]),
        .out_ready_i(kernel_pop_tready[i]), .out_data_o(kernel_pop_tdata[i*32+:32]));
    register_slice #(.Width(32), .Stages(StreamStages)) u_push (
        .clk_i(ap_clk), .rst_i(rst), .in_valid_i(kernel_push_tvalid[i]),
        .in_ready_o(kernel_push_tready[i]), .in_data_i(kernel_push_tdata[i*32+:32]),
        .out_valid_o(push_tvalid[i]), .out_ready_i(push_tready[i]),
        .out_data_o(push_tdata[i*32+:32]));
  end

  assign {m_axis_pop_3_tdata, m_axis_pop_2_tdata, m_axis_pop_1_tdata, m_axis_pop_0_tdata}
         = kernel_pop_tdata;
  assign {m_axis_pop_3_tvalid, m_axis_pop_2_tvalid, m_axis_pop_1_tvalid, m_axis_pop_0_tvalid}
         = kernel_pop_tvalid;
  assign kernel_pop_tready = {m_axis_pop_3_tready, m_axis_pop_2_tready, m_axis_pop_1_tready,
                              m_axis_pop_0_tready};
  assign kernel_push_tdata = {s_axis_push_3_tdata, s_axis_push_2_tdata, s_axis_push_1_tdata,
                              s_axis_push_0_tdata};
  assign kernel_push_tvalid = {s_axis_push_3_tvalid, s_axis_push_2_tvalid, s_axis_push_1_tvalid,
                               s_axis_push_0_tvalid};
  assign {s_axis_push_3_tready, s_axis_push_2_tready, s_axis_push_1_tready, s_axis_push_0_tready}
         = kernel_push_tready;

  // ---- The card ----

  logic unused_idle;

  exalloc_card #(
      .NumBanks(NumBanks), .NumSlabs(NumSlabs), .NumLists(NumLists), .NumPortals(NumPortals),
      .NumWorkers(NumWorkers), .NumStreams(NumStreams), .NumLookaside(NumLookaside),
      .LookasideDepth(LookasideDepth), .ClockKhz(ClockKhz), .ResetStages(ResetStages)
  ) u_card (
      .clk_i(ap_clk), .rst_i(rst), .interrupt_o(interrupt), .idle_o(unused_idle),
      .gated_cycles_i('0), .m_axis_pop_tdata_o(pop_tdata), .m_axis_pop_tvalid_o(pop_tvalid),
      .m_axis_pop_tready_i(pop_tready), .s_axis_push_tdata_i(push_tdata),
      .s_axis_push_tvalid_i(push_tvalid), .s_axis_push_tready_o(push_tready),
      .s_axil_awaddr_i(control_awaddr), .s_axil_awvalid_i(control_awvalid),
      .s_axil_awready_o(control_awready), .s_axil_wdata_i(control_wdata),
      .s_axil_wstrb_i(control_wstrb), .s_axil_wvalid_i(control_wvalid),
      .s_axil_wready_o(control_wready), .s_axil_bresp_o(control_bresp),
      .s_axil_bvalid_o(control_bvalid), .s_axil_bready_i(control_bready),
      .s_axil_araddr_i(control_araddr), .s_axil_arvalid_i(control_arvalid),
      .s_axil_arready_o(control_arready), .s_axil_rdata_o(control_rdata),
      .s_axil_rresp_o(control_rresp), .s_axil_rvalid_o(control_rvalid),
      .s_axil_rready_i(control_rready), .m_axi_awid_o(host_awid), .m_axi_awaddr_o(host_awaddr),
      .m_axi_awlen_o(host_awlen), .m_axi_awsize_o(host_awsize), .m_axi_awburst_o(host_awburst),
      .m_axi_awcache_o(host_awcache), .m_axi_awprot_o(host_awprot), .m_axi_awvalid_o(host_awvalid),
      .m_axi_awready_i(host_awready), .m_axi_wdata_o(host_wdata), .m_axi_wstrb_o(host_wstrb),
      .m_axi_wlast_o(host_wlast), .m_axi_wvalid_o(host_wvalid), .m_axi_wready_i(host_wready),
      .m_axi_bid_i(host_bid), .m_axi_bresp_i(host_bresp), .m_axi_bvalid_i(host_bvalid),
      .m_axi_bready_o(host_bready), .m_axi_arid_o(host_arid), .m_axi_araddr_o(host_araddr),
      .m_axi_arlen_o(host_arlen), .m_axi_arsize_o(host_arsize), .m_axi_arburst_o(host_arburst),
      .m_axi_arcache_o(host_arcache), .m_axi_arprot_o(host_arprot), .m_axi_arvalid_o(host_arvalid),
      .m_axi_arready_i(host_arready), .m_axi_rid_i(host_rid), .m_axi_rdata_i(host_rdata),
      .m_axi_rresp_i(host_rresp), .m_axi_rlast_i(host_rlast), .m_axi_rvalid_i(host_rvalid),
      .m_axi_rready_o(host_rready));

endmodule

`default_nettype wire
