// slab_bank after a first few operations: lists 0 and 1 open to domains 0 and 1, two slabs linked in
// list 0 and one in list 1, one slab unowned, blocks of two slabs handed out, the pipeline empty.
// From then on requests and reset are free. scripts/prove simulates the beginning, so that the
// search spends its depth on what follows.
`default_nettype none

module slab_bank_started #(
    parameter int unsigned Begin = 44  // cycles until the requests are free
) (
    input wire       clk_i,
    input wire       rst_i,
    input wire       req_valid_i,
    input wire [2:0] req_op_i,
    input wire [7:0] req_list_i,
    input wire       req_domain_i,
    input wire [1:0] req_slab_i,
    input wire [7:0] req_mask_i,
    input wire [2:0] req_limit_i,
    input wire       req_tag_i
);
  localparam int unsigned Steps = 7;

  typedef struct packed {
    logic [2:0] op;
    logic [7:0] list;
    logic       domain;
    logic [1:0] slab;
    logic [7:0] mask;
    logic [2:0] limit;
    logic       tag;
  } req_t;
  req_t first, req;

  logic [7:0] cycle_q = '0;
  logic [3:0] step_q = '0;
  logic begun, ready;
  assign begun = cycle_q == 8'(Begin);
  always_ff @(posedge clk_i) begin
    if (!begun) cycle_q <= cycle_q + 8'd1;
    if (ready && step_q != 4'(Steps) && cycle_q != '0) step_q <= step_q + 4'd1;
  end
  always_comb begin
    first = '0;
    case (step_q)
      4'd0: first = {exalloc_pkg::BankOpOpen, 8'd0, 1'd0, 2'd0, 8'h00, 3'd0, 1'b0};
      4'd1: first = {exalloc_pkg::BankOpOpen, 8'd1, 1'd1, 2'd0, 8'h00, 3'd0, 1'b0};
      4'd2: first = {exalloc_pkg::BankOpLink, 8'd0, 1'd0, 2'd0, 8'h00, 3'd7, 1'b0};
      4'd3: first = {exalloc_pkg::BankOpGrant, 8'd0, 1'd0, 2'd0, 8'h00, 3'd0, 1'b0};
      4'd4: first = {exalloc_pkg::BankOpLink, 8'd1, 1'd1, 2'd1, 8'h00, 3'd7, 1'b0};
      4'd5: first = {exalloc_pkg::BankOpLink, 8'd0, 1'd0, 2'd2, 8'h00, 3'd2, 1'b0};
      default: first = {exalloc_pkg::BankOpGrant, 8'd0, 1'd0, 2'd0, 8'h00, 3'd0, 1'b0};
    endcase
    req = begun ? {req_op_i, req_list_i, req_domain_i, req_slab_i, req_mask_i, req_limit_i,
                   req_tag_i} : first;
  end

  slab_bank #(
      .NumSlabs(4), .SlabWidth(8), .NumLists(2), .DomainW(1), .TagW(1), .UseUram(1'b0)
  ) u_bank (
      .clk_i,
      .rst_i       (begun ? rst_i : cycle_q == '0),
      .ready_o     (),
      .req_valid_i (begun ? req_valid_i : step_q != 4'(Steps)),
      .req_ready_o (ready),
      .req_op_i    (req.op),
      .req_list_i  (req.list),
      .req_domain_i(req.domain),
      .req_slab_i  (req.slab),
      .req_mask_i  (req.mask),
      .req_limit_i (req.limit),
      .req_tag_i   (req.tag),
      .rsp_valid_o (),
      .rsp_op_o    (),
      .rsp_tag_o   (),
      .rsp_status_o(),
      .rsp_slab_o  (),
      .rsp_mask_o  (),
      .replay_o    ()
  );
endmodule

`default_nettype wire
