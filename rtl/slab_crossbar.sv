// Connects NumPorts requesters (line workers, command sequencer) with the NumBanks slab banks.
//
// Contract: a requester puts one operation a cycle on its port (valid/ready) with the bank it is
// for; operations of one requester for one bank arrive in the order sent. Each bank has its own
// round-robin and takes one operation a cycle. The bank's tag carries requester and slot, so
// answers find their way back: each cycle every bank may answer, rsp_valid_o[p*NumBanks+b] says
// that bank b answers requester p, and the answer's fields are broadcast per bank. A requester must
// be able to take all of them at once. A granted mask is folded to its quarter: the quarter's
// number and its bits (0, 0 for operations without a mask).
// Latency: 4 cycles to the bank, 1 back.
// Cost: one NumPorts-to-1 multiplexer of an operation a bank and a skid buffer a port.
`default_nettype none

module slab_crossbar #(
    parameter int unsigned NumPorts  = 9,
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned DomainW   = 6,
    parameter int unsigned SlotW     = 4,
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks),
    localparam int unsigned LimitW   = $clog2(SlabWidth),
    localparam int unsigned QuarterW = SlabWidth / 4,
    localparam int unsigned PortW    = (NumPorts > 1) ? $clog2(NumPorts) : 1,
    localparam int unsigned TagW     = PortW + SlotW
) (
    input  wire                           clk_i,
    input  wire                           rst_i,
    // requesters
    input  wire  [NumPorts-1:0]           req_valid_i,
    output logic [NumPorts-1:0]           req_ready_o,
    input  wire  [NumPorts*BankW-1:0]     req_bank_i,
    input  wire  [NumPorts*3-1:0]         req_op_i,
    input  wire  [NumPorts*8-1:0]         req_list_i,
    input  wire  [NumPorts*DomainW-1:0]   req_domain_i,
    input  wire  [NumPorts*SlabW-1:0]     req_slab_i,
    input  wire  [NumPorts*LimitW-1:0]    req_limit_i,
    input  wire  [NumPorts*SlabWidth-1:0] req_mask_i,
    input  wire  [NumPorts*SlotW-1:0]     req_slot_i,
    output logic [NumPorts*NumBanks-1:0]  rsp_valid_o,
    output logic [NumBanks*SlotW-1:0]     rsp_slot_o,
    output logic [NumBanks*4-1:0]         rsp_status_o,
    output logic [NumBanks*SlabW-1:0]     rsp_slab_o,
    output logic [NumBanks*2-1:0]         rsp_quarter_o,
    output logic [NumBanks*QuarterW-1:0]  rsp_bits_o,
    // banks
    output logic [NumBanks-1:0]           bank_req_valid_o,
    input  wire  [NumBanks-1:0]           bank_req_ready_i,
    output logic [NumBanks*3-1:0]         bank_req_op_o,
    output logic [NumBanks*8-1:0]         bank_req_list_o,
    output logic [NumBanks*DomainW-1:0]   bank_req_domain_o,
    output logic [NumBanks*SlabW-1:0]     bank_req_slab_o,
    output logic [NumBanks*LimitW-1:0]    bank_req_limit_o,
    output logic [NumBanks*SlabWidth-1:0] bank_req_mask_o,
    output logic [NumBanks*TagW-1:0]      bank_req_tag_o,
    input  wire  [NumBanks-1:0]           bank_rsp_valid_i,
    input  wire  [NumBanks*TagW-1:0]      bank_rsp_tag_i,
    input  wire  [NumBanks*4-1:0]         bank_rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]     bank_rsp_slab_i,
    input  wire  [NumBanks*SlabWidth-1:0] bank_rsp_mask_i
);

  if (NumBanks < 2 || (NumBanks & (NumBanks - 1)) != 0) begin : g_bad_banks
    $error("slab_crossbar: NumBanks must be a power of two, at least 2");
  end
  if (SlabWidth < 8 || SlabWidth > 64 || (SlabWidth & (SlabWidth - 1)) != 0) begin : g_bad_width
    $error("slab_crossbar: SlabWidth must be a power of two from 8 to 64");
  end

  // An operation without its bank, highest field first.
  localparam int unsigned OpW = 3 + 8 + DomainW + SlabW + LimitW + SlabWidth + SlotW;

  logic [NumPorts-1:0]          head_valid;
  logic [NumPorts-1:0]          head_ready;
  logic [NumPorts*BankW-1:0]    head_bank;
  logic [NumPorts*OpW-1:0]      head_op;
  logic [NumPorts*OpW-1:0]      sent_q;  // what a port's head was in the cycle of its grant
  logic [NumBanks*NumPorts-1:0] grant;

  for (genvar p = 0; p < NumPorts; p = p + 1) begin : g_port
    logic [NumBanks-1:0] granted;

    skid_buffer #(
        .Width(BankW + OpW)
    ) u_skid (
        .clk_i,
        .rst_i,
        .in_valid_i (req_valid_i[p]),
        .in_ready_o (req_ready_o[p]),
        .in_data_i  ({req_bank_i[p*BankW +: BankW], req_op_i[p*3 +: 3], req_list_i[p*8 +: 8],
                      req_domain_i[p*DomainW +: DomainW], req_slab_i[p*SlabW +: SlabW],
                      req_limit_i[p*LimitW +: LimitW], req_mask_i[p*SlabWidth +: SlabWidth],
                      req_slot_i[p*SlotW +: SlotW]}),
        .out_valid_o(head_valid[p]),
        .out_ready_i(head_ready[p]),
        .out_data_o ({head_bank[p*BankW +: BankW], head_op[p*OpW +: OpW]})
    );

    for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_granted
      assign granted[b] = grant[b*NumPorts+p];
    end
    assign head_ready[p] = |granted;
  end

  // The multiplexers work a cycle after the grant, so that arbitration and selection are not in one
  // path; by then the port shows its next operation.
  always_ff @(posedge clk_i) begin
    sent_q <= head_op;
  end

`ifdef EXALLOC_FAST_SIM
  // Few ports have an operation, and few banks an answer.
  logic [NumBanks*NumPorts-1:0] wants;
  logic [NumPorts*NumBanks-1:0] answered;
  always_comb begin
    wants = '0;
    if (head_valid != '0) begin
      for (int unsigned p = 0; p < NumPorts; p = p + 1) begin
        if (head_valid[p]) wants[int'(head_bank[p*BankW +: BankW])*NumPorts+p] = 1'b1;
      end
    end
    answered = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (bank_rsp_valid_i[b]) begin
        answered[int'(bank_rsp_tag_i[b*TagW+SlotW +: PortW])*NumBanks+b] = 1'b1;
      end
    end
  end
  always_ff @(posedge clk_i) rsp_valid_o <= rst_i ? '0 : answered;
`endif

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_bank
    logic [NumPorts-1:0] want;
    logic [NumPorts-1:0] grant_q;
    logic [PortW-1:0]    grant_idx;
    logic [PortW-1:0]    grant_idx_q;
    logic                granted;
    logic                granted_q;
    logic                room_q;
    logic [OpW-1:0]      selected;

`ifdef EXALLOC_FAST_SIM
    assign want = room_q ? wants[b*NumPorts +: NumPorts] : '0;
`else
    for (genvar p = 0; p < NumPorts; p = p + 1) begin : g_want
      assign want[p] = head_valid[p] && room_q && head_bank[p*BankW +: BankW] == BankW'(b);
    end
`endif

    rr_arbiter #(
        .N(NumPorts)
    ) u_arbiter (
        .clk_i,
        .rst_i,
        .req_i    (want),
        .advance_i(1'b1),
        .gnt_o    (grant[b*NumPorts +: NumPorts]),
        .gnt_idx_o(grant_idx),
        .valid_o  (granted)
    );

    always_ff @(posedge clk_i) begin
      granted_q   <= granted && !rst_i;
      grant_q     <= grant[b*NumPorts +: NumPorts];
      grant_idx_q <= grant_idx;
    end

`ifdef EXALLOC_FAST_SIM
    assign selected = grant_q != '0 ? sent_q[grant_idx_q*OpW +: OpW] : '0;
`else
    always_comb begin
      selected = '0;
      for (int unsigned p = 0; p < NumPorts; p = p + 1) begin
        selected = selected | (sent_q[p*OpW +: OpW] & {OpW{grant_q[p]}});
      end
    end
`endif

    crossbar_lane #(
        .Width(OpW + PortW)
    ) u_lane (
        .clk_i,
        .rst_i,
        .reserve_i  (granted),
        .room_o     (room_q),
        .in_valid_i (granted_q),
        .in_data_i  ({grant_idx_q, selected}),
        .out_valid_o(bank_req_valid_o[b]),
        .out_ready_i(bank_req_ready_i[b]),
        .out_data_o ({bank_req_tag_o[b*TagW+SlotW +: PortW], bank_req_op_o[b*3 +: 3],
                      bank_req_list_o[b*8 +: 8], bank_req_domain_o[b*DomainW +: DomainW],
                      bank_req_slab_o[b*SlabW +: SlabW], bank_req_limit_o[b*LimitW +: LimitW],
                      bank_req_mask_o[b*SlabWidth +: SlabWidth], bank_req_tag_o[b*TagW +: SlotW]})
    );

    // Answers: fold the mask, find the requester, register.
    logic [SlabWidth-1:0] mask;
    logic [3:1]           filled;  // quarters with a bit set; a bank grants from one only
    assign mask = bank_rsp_mask_i[b*SlabWidth +: SlabWidth];
    for (genvar q = 1; q < 4; q = q + 1) begin : g_quarter
      assign filled[q] = |mask[q*QuarterW +: QuarterW];
    end

`ifndef EXALLOC_FAST_SIM
    for (genvar p = 0; p < NumPorts; p = p + 1) begin : g_answer
      always_ff @(posedge clk_i) begin
        rsp_valid_o[p*NumBanks+b] <= !rst_i && bank_rsp_valid_i[b] &&
                                     bank_rsp_tag_i[b*TagW+SlotW +: PortW] == PortW'(p);
      end
    end
`endif

    always_ff @(posedge clk_i) begin
      rsp_slot_o[b*SlotW +: SlotW]        <= bank_rsp_tag_i[b*TagW +: SlotW];
      rsp_status_o[b*4 +: 4]              <= bank_rsp_status_i[b*4 +: 4];
      rsp_slab_o[b*SlabW +: SlabW]        <= bank_rsp_slab_i[b*SlabW +: SlabW];
      rsp_quarter_o[b*2 +: 2]             <= {filled[3] || filled[2], filled[3] || filled[1]};
      rsp_bits_o[b*QuarterW +: QuarterW]  <= mask[0 +: QuarterW] | mask[QuarterW +: QuarterW] |
                                             mask[2*QuarterW +: QuarterW] |
                                             mask[3*QuarterW +: QuarterW];
    end
  end

endmodule

`default_nettype wire
