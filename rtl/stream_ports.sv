// All stream ports: their registers, RECALL and the sums of what they count.
//
// Contract: stream port p has slice p of every flat vector; towards the crossbar each is a
// requester. Register data comes with rvalid_o two cycles after re_i, to which addr_i and index_i
// stay as they are; a port that does not exist reads as 0. recall_busy_o is high from the cycle
// after recall_i until every port of that list has given back what it held, executed what had been
// pushed into it and told the list monitor; for 4,096 cycles more they ask for nothing. busy_o:
// something is under way, or due without the host or a kernel doing anything. The cnt_* are those
// of two cycles ago.
// Cost: NumStreams times stream_port.
`default_nettype none

module stream_ports #(
    parameter int unsigned NumStreams = 4,
    parameter int unsigned NumBanks   = 4,
    parameter int unsigned NumSlabs   = 65536,  // of all banks together
    parameter int unsigned SlabWidth  = 64,
    parameter int unsigned DomainW    = 6,
    parameter int unsigned SlotW      = 4,
    localparam int unsigned BankW     = $clog2(NumBanks),
    localparam int unsigned SlabW     = $clog2(NumSlabs / NumBanks),
    localparam int unsigned LimitW    = $clog2(SlabWidth),
    localparam int unsigned QuarterW  = SlabWidth / 4,
    localparam int unsigned CntW      = $clog2(NumStreams + 1)
) (
    input  wire                             clk_i,
    input  wire                             rst_i,
    // kernels
    output logic [NumStreams*32-1:0]        m_axis_pop_tdata_o,
    output logic [NumStreams-1:0]           m_axis_pop_tvalid_o,
    input  wire  [NumStreams-1:0]           m_axis_pop_tready_i,
    input  wire  [NumStreams*32-1:0]        s_axis_push_tdata_i,
    input  wire  [NumStreams-1:0]           s_axis_push_tvalid_i,
    output logic [NumStreams-1:0]           s_axis_push_tready_o,
    // registers
    input  wire                             we_i,
    input  wire  [31:0]                     wdata_i,
    input  wire                             re_i,
    input  wire  [3:0]                      index_i,
    input  wire  [4:0]                      addr_i,
    output logic                            rvalid_o,
    output logic [31:0]                     rdata_o,
    // RECALL
    input  wire                             recall_i,
    input  wire  [9:0]                      recall_list_i,
    output logic                            recall_busy_o,
    // crossbar
    output logic [NumStreams-1:0]           req_valid_o,
    input  wire  [NumStreams-1:0]           req_ready_i,
    output logic [NumStreams*BankW-1:0]     req_bank_o,
    output logic [NumStreams*3-1:0]         req_op_o,
    output logic [NumStreams*8-1:0]         req_list_o,
    output logic [NumStreams*DomainW-1:0]   req_domain_o,
    output logic [NumStreams*SlabW-1:0]     req_slab_o,
    output logic [NumStreams*LimitW-1:0]    req_limit_o,
    output logic [NumStreams*SlabWidth-1:0] req_mask_o,
    output logic [NumStreams*SlotW-1:0]     req_slot_o,
    input  wire  [NumStreams*NumBanks-1:0]  rsp_valid_i,
    input  wire  [NumBanks*SlotW-1:0]       rsp_slot_i,
    input  wire  [NumBanks*4-1:0]           rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]       rsp_slab_i,
    input  wire  [NumBanks*2-1:0]           rsp_quarter_i,
    input  wire  [NumBanks*QuarterW-1:0]    rsp_bits_i,
    // errors
    output logic [NumStreams-1:0]           err_valid_o,
    input  wire  [NumStreams-1:0]           err_ready_i,
    output logic [NumStreams*4-1:0]         err_status_o,
    output logic [NumStreams*10-1:0]        err_list_o,
    output logic [NumStreams*32-1:0]        err_token_o,
    // list monitor
    output logic [NumStreams-1:0]           tell_valid_o,
    input  wire  [NumStreams-1:0]           tell_ready_i,
    output logic [NumStreams-1:0]           tell_release_o,
    output logic [NumStreams*8-1:0]         tell_list_o,
    output logic [NumStreams*7-1:0]         tell_count_o,
    // events
    output logic [CntW-1:0]                 cnt_popped_o,
    output logic [CntW-1:0]                 cnt_pushed_o,
    output logic                            busy_o
);

  if (NumStreams < 1 || NumStreams > exalloc_pkg::MaxStreamPorts) begin : g_bad_streams
    $error("stream_ports: NumStreams must be 1 to MaxStreamPorts");
  end

  logic [NumStreams*32-1:0] rdata;
  logic [NumStreams-1:0]    recalling;
  logic [NumStreams-1:0]    popped;
  logic [NumStreams-1:0]    pushed;
  logic [NumStreams-1:0]    busy;
  logic [31:0]              selected;
  logic [CntW-1:0]          sum_popped;
  logic [CntW-1:0]          sum_pushed;
  logic                     read_q;

  for (genvar p = 0; p < NumStreams; p = p + 1) begin : g_port
    stream_port #(
        .NumBanks (NumBanks),
        .NumSlabs (NumSlabs),
        .SlabWidth(SlabWidth),
        .DomainW  (DomainW),
        .SlotW    (SlotW)
    ) u_port (
        .clk_i,
        .rst_i,
        .m_axis_pop_tdata_o  (m_axis_pop_tdata_o[p*32 +: 32]),
        .m_axis_pop_tvalid_o (m_axis_pop_tvalid_o[p]),
        .m_axis_pop_tready_i (m_axis_pop_tready_i[p]),
        .s_axis_push_tdata_i (s_axis_push_tdata_i[p*32 +: 32]),
        .s_axis_push_tvalid_i(s_axis_push_tvalid_i[p]),
        .s_axis_push_tready_o(s_axis_push_tready_o[p]),
        .we_i                (we_i && index_i == 4'(p)),
        .addr_i,
        .wdata_i,
        .rdata_o             (rdata[p*32 +: 32]),
        .recall_i,
        .recall_list_i,
        .recall_busy_o       (recalling[p]),
        .recalling_i         (recall_busy_o),
        .req_valid_o         (req_valid_o[p]),
        .req_ready_i         (req_ready_i[p]),
        .req_bank_o          (req_bank_o[p*BankW +: BankW]),
        .req_op_o            (req_op_o[p*3 +: 3]),
        .req_list_o          (req_list_o[p*8 +: 8]),
        .req_domain_o        (req_domain_o[p*DomainW +: DomainW]),
        .req_slab_o          (req_slab_o[p*SlabW +: SlabW]),
        .req_limit_o         (req_limit_o[p*LimitW +: LimitW]),
        .req_mask_o          (req_mask_o[p*SlabWidth +: SlabWidth]),
        .req_slot_o          (req_slot_o[p*SlotW +: SlotW]),
        .rsp_valid_i         (rsp_valid_i[p*NumBanks +: NumBanks]),
        .rsp_slot_i,
        .rsp_status_i,
        .rsp_slab_i,
        .rsp_quarter_i,
        .rsp_bits_i,
        .err_valid_o         (err_valid_o[p]),
        .err_ready_i         (err_ready_i[p]),
        .err_status_o        (err_status_o[p*4 +: 4]),
        .err_list_o          (err_list_o[p*10 +: 10]),
        .err_token_o         (err_token_o[p*32 +: 32]),
        .tell_valid_o        (tell_valid_o[p]),
        .tell_ready_i        (tell_ready_i[p]),
        .tell_release_o      (tell_release_o[p]),
        .tell_list_o         (tell_list_o[p*8 +: 8]),
        .tell_count_o        (tell_count_o[p*7 +: 7]),
        .popped_o            (popped[p]),
        .pushed_o            (pushed[p]),
        .busy_o              (busy[p])
    );
  end

  assign recall_busy_o = |recalling;

  always_comb begin
    selected   = '0;
    sum_popped = '0;
    sum_pushed = '0;
    for (int unsigned p = 0; p < NumStreams; p = p + 1) begin
      selected   = selected | (rdata[p*32 +: 32] & {32{index_i == 4'(p)}});
      sum_popped = sum_popped + CntW'(popped[p]);
      sum_pushed = sum_pushed + CntW'(pushed[p]);
    end
  end

  always_ff @(posedge clk_i) begin
    read_q       <= re_i;
    rvalid_o     <= read_q;
    rdata_o      <= selected;
    cnt_popped_o <= sum_popped;
    cnt_pushed_o <= sum_pushed;
    busy_o       <= |busy;
    if (rst_i) begin
      read_q       <= 1'b0;
      rvalid_o     <= 1'b0;
      cnt_popped_o <= '0;
      cnt_pushed_o <= '0;
      busy_o       <= 1'b0;
    end
  end

endmodule

`default_nettype wire
