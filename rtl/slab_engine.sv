// The slab engine: NumBanks independent banks, slab s living in bank s mod NumBanks.
//
// Contract: port b of each flat vector is that of bank b, with the bank's own rules: a request is
// taken when valid and ready, answers come in order and without back-pressure. ready_o rises when
// every bank has swept its memories; replay_o[b] pulses when bank b flushed and replayed its
// pipeline. Cost: that of the banks; nothing is added here.
`default_nettype none

module slab_engine #(
    parameter int unsigned NumBanks   = 4,
    parameter int unsigned NumSlabs   = 65536,  // of all banks together
    parameter int unsigned SlabWidth  = 64,
    parameter int unsigned NumLists   = 255,
    parameter int unsigned DomainW    = 6,
    parameter int unsigned TagW       = 8,
    localparam int unsigned BankSlabs = NumSlabs / NumBanks,
    localparam int unsigned SlabW     = $clog2(BankSlabs),
    localparam int unsigned LimitW    = $clog2(SlabWidth)
) (
`ifdef EXALLOC_UNIT_CLOCKS  // simulation only: exalloc_card tells
    input  wire  [NumBanks-1:0]           bank_clk_i,
`endif
    input  wire                           clk_i,
    input  wire                           rst_i,
    output logic                          ready_o,
    input  wire  [NumBanks-1:0]           req_valid_i,
    output logic [NumBanks-1:0]           req_ready_o,
    input  wire  [NumBanks*3-1:0]         req_op_i,
    input  wire  [NumBanks*8-1:0]         req_list_i,
    input  wire  [NumBanks*DomainW-1:0]   req_domain_i,
    input  wire  [NumBanks*SlabW-1:0]     req_slab_i,
    input  wire  [NumBanks*LimitW-1:0]    req_limit_i,
    input  wire  [NumBanks*SlabWidth-1:0] req_mask_i,
    input  wire  [NumBanks*TagW-1:0]      req_tag_i,
    output logic [NumBanks-1:0]           rsp_valid_o,
    output logic [NumBanks*3-1:0]         rsp_op_o,
    output logic [NumBanks*TagW-1:0]      rsp_tag_o,
    output logic [NumBanks*4-1:0]         rsp_status_o,
    output logic [NumBanks*SlabW-1:0]     rsp_slab_o,
    output logic [NumBanks*SlabWidth-1:0] rsp_mask_o,
    output logic [NumBanks-1:0]           replay_o
);

  if (NumBanks < 2 || (NumBanks & (NumBanks - 1)) != 0) begin : g_bad_banks
    $error("slab_engine: NumBanks must be a power of two, at least 2");
  end
  if (BankSlabs * NumBanks != NumSlabs) begin : g_bad_slabs
    $error("slab_engine: NumSlabs must be a multiple of NumBanks");
  end

  logic [NumBanks-1:0] ready;

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_bank
    slab_bank #(
        .NumSlabs (BankSlabs),
        .SlabWidth(SlabWidth),
        .NumLists (NumLists),
        .DomainW  (DomainW),
        .TagW     (TagW)
    ) u_bank (
`ifdef EXALLOC_UNIT_CLOCKS
        .clk_i       (bank_clk_i[b]),
`else
        .clk_i,
`endif
        .rst_i,
        .ready_o     (ready[b]),
        .req_valid_i (req_valid_i[b]),
        .req_ready_o (req_ready_o[b]),
        .req_op_i    (req_op_i[b*3 +: 3]),
        .req_list_i  (req_list_i[b*8 +: 8]),
        .req_domain_i(req_domain_i[b*DomainW +: DomainW]),
        .req_slab_i  (req_slab_i[b*SlabW +: SlabW]),
        .req_limit_i (req_limit_i[b*LimitW +: LimitW]),
        .req_mask_i  (req_mask_i[b*SlabWidth +: SlabWidth]),
        .req_tag_i   (req_tag_i[b*TagW +: TagW]),
        .rsp_valid_o (rsp_valid_o[b]),
        .rsp_op_o    (rsp_op_o[b*3 +: 3]),
        .rsp_tag_o   (rsp_tag_o[b*TagW +: TagW]),
        .rsp_status_o(rsp_status_o[b*4 +: 4]),
        .rsp_slab_o  (rsp_slab_o[b*SlabW +: SlabW]),
        .rsp_mask_o  (rsp_mask_o[b*SlabWidth +: SlabWidth]),
        .replay_o    (replay_o[b])
    );
  end

  always_ff @(posedge clk_i) begin
    ready_o <= !rst_i && (&ready);
  end

endmodule

`default_nettype wire
