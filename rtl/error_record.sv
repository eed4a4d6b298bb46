// Keeps the oldest errors until the host has read them, and counts those that found no place.
//
// Contract: the sources are served round-robin, the portal side first: its errors are rare, and a
// doorbell's must not wait long. Every error is taken, found_o pulses for each, with its list and
// opcode; with Depth records kept it is counted as lost instead. pop_i shows the next.
// Cost: Depth x 56 bits of distributed memory, one error a cycle from 3 sources or more.
`default_nettype none

module error_record #(
    parameter int unsigned NumSources = 8,
    parameter int unsigned PortalW    = 6,
    parameter int unsigned Depth      = 16
) (
    input  wire                           clk_i,
    input  wire                           rst_i,

    input  wire  [        NumSources-1:0] err_valid_i,
    output logic [        NumSources-1:0] err_ready_o,
    input  wire  [      NumSources*4-1:0] err_opcode_i,
    input  wire  [     NumSources*10-1:0] err_list_i,
    input  wire  [      NumSources*4-1:0] err_status_i,
    input  wire  [     NumSources*32-1:0] err_token_i,
    input  wire  [NumSources*PortalW-1:0] err_portal_i,

    input  wire                           portal_valid_i,
    output logic                          portal_ready_o,
    input  wire  [                   3:0] portal_status_i,
    input  wire  [           PortalW-1:0] portal_portal_i,

    output logic                          found_o,
    output logic [                   9:0] found_list_o,
    output logic [                   3:0] found_opcode_o,
    input  wire                           pop_i,
    output logic                          valid_o,
    output logic [                   3:0] opcode_o,
    output logic [                   3:0] status_o,
    output logic [                   9:0] list_o,
    output logic [                   5:0] portal_o,
    output logic [                  31:0] token_o,
    output logic [                  31:0] lost_o,
    output logic                          busy_o      // an error is on its way
);

  localparam int unsigned Width = 50 + PortalW;

  logic [NumSources-1:0] grant, grant_q, offer_q;
  logic                  grant_valid, portal_now, portal_q;
  logic [(NumSources > 1 ? $clog2(NumSources) : 1)-1:0] unused_idx;

  assign portal_now = portal_valid_i && !portal_q;

  // Errors are seen a cycle late: they come from afar. The source served now may have nothing more:
  // it sits out two turns.
  rr_arbiter #(.N(NumSources)) u_arbiter (
      .clk_i, .rst_i, .req_i(offer_q & ~grant_q), .advance_i(!portal_now),
      .gnt_o(grant), .gnt_idx_o(unused_idx), .valid_o(grant_valid));

  assign err_ready_o    = grant_q;
  assign portal_ready_o = portal_q;

  logic [Width-1:0] taken, record_q, head;
  always_comb begin
    taken = portal_q ? {portal_portal_i, 10'd0, portal_status_i, 4'd0, 32'd0} : '0;
    for (int unsigned w = 0; w < NumSources; w = w + 1) begin
`ifdef EXALLOC_FAST_SIM  // the same by a branch
      if (grant_q[w]) begin
        taken = taken | {err_portal_i[w*PortalW+:PortalW], err_list_i[w*10+:10],
                         err_status_i[w*4+:4], err_opcode_i[w*4+:4], err_token_i[w*32+:32]};
      end
`else
      taken = taken | ({err_portal_i[w*PortalW+:PortalW], err_list_i[w*10+:10],
                        err_status_i[w*4+:4], err_opcode_i[w*4+:4], err_token_i[w*32+:32]} &
                       {Width{grant_q[w]}});
`endif
    end
  end

  logic                     record_valid_q, room;
  logic [$clog2(Depth):0]   unused_count;
  sync_fifo #(.Width(Width), .Depth(Depth)) u_queue (
      .clk_i, .rst_i, .in_valid_i(record_valid_q), .in_ready_o(room), .in_data_i(record_q),
      .out_valid_o(valid_o), .out_ready_i(pop_i), .out_data_o(head), .count_o(unused_count));

  assign found_list_o   = record_q[49:40];
  assign found_opcode_o = record_q[35:32];

  logic [Width-1:0] shown;
  assign shown    = head & {Width{valid_o}};
  assign token_o  = shown[31:0];
  assign opcode_o = shown[35:32];
  assign status_o = shown[39:36];
  assign list_o   = shown[49:40];
  assign portal_o = 6'(shown[Width-1:50]);

  // In two halves: one carry chain of 16 bits each.
  logic [15:0] lost_low_q, lost_high_q;
  logic        lost_carry_q, lost_q, lost_full_q;
  assign lost_o = lost_full_q ? '1 : {lost_high_q, lost_low_q};

  always_ff @(posedge clk_i) begin
    portal_q       <= portal_now;
    offer_q        <= err_valid_i & ~grant_q;
    grant_q        <= grant_valid && !portal_now ? grant : '0;
    record_valid_q <= portal_q || grant_q != '0;
    record_q       <= taken;
    found_o        <= portal_q || grant_q != '0;
    busy_o         <= portal_valid_i || offer_q != '0 || portal_q || grant_q != '0;

    lost_q       <= record_valid_q && !room;
    lost_carry_q <= lost_q && lost_low_q == '1;
    if (lost_q) lost_low_q <= lost_low_q + 1'b1;
    if (lost_carry_q) lost_high_q <= lost_high_q + 1'b1;
    if (lost_carry_q && lost_high_q == '1) lost_full_q <= 1'b1;
    if (rst_i) begin
      portal_q       <= 1'b0;
      grant_q        <= '0;
      offer_q        <= '0;
      record_valid_q <= 1'b0;
      found_o        <= 1'b0;
      busy_o         <= 1'b0;
      lost_q         <= 1'b0;
      lost_carry_q   <= 1'b0;
      lost_low_q     <= '0;
      lost_high_q    <= '0;
      lost_full_q    <= 1'b0;
    end
  end

endmodule

`default_nettype wire
