// Gathers what the card's parts count and keeps it in event_counters, and the cycles in
// cycle_counter.
//
// Contract: every input is the number of events of this cycle; the window is that of
// event_counters. gated_cycles_i: cycles that the simulation left out before this one.
// Cost: an adder tree for each event that workers or banks count, in stages of 4 numbers.
`default_nettype none

module card_counters #(
    parameter int unsigned NumWorkers = 8,
    parameter int unsigned NumBanks   = 4,
    parameter int unsigned NumStreams = 4,
    parameter int unsigned OpsW       = $clog2(NumBanks + 1),
    parameter int unsigned StreamsW   = $clog2(NumStreams + 1)
) (
    input  wire                     clk_i,
    input  wire                     rst_i,
    input  wire  [  NumWorkers-1:0] grant_line_i,
    input  wire  [NumWorkers*4-1:0] granted_i,
    input  wire  [  NumWorkers-1:0] release_line_i,
    input  wire  [NumWorkers*4-1:0] released_i,
    input  wire  [  NumWorkers-1:0] empty_i,
    input  wire  [NumWorkers*5-1:0] surplus_i,
    input  wire                     refusal_i,
    input  wire                     recall_i,
    input  wire                     doorbell_i,
    input  wire                     fetched_i,
    input  wire                     written_i,
    input  wire  [    NumBanks-1:0] bank_op_i,
    input  wire  [    NumBanks-1:0] replay_i,
    input  wire  [        OpsW-1:0] linked_i,
    input  wire  [        OpsW-1:0] taken_i,
    input  wire                     lookaside_line_i,
    input  wire                     popped_i,
    input  wire                     pushed_i,
    input  wire                     governor_pass_i,
    input  wire  [    StreamsW-1:0] stream_popped_i,
    input  wire  [    StreamsW-1:0] stream_pushed_i,
    input  wire                     depletion_i,
    input  wire  [            31:0] gated_cycles_i,
    input  wire                     re_i,
    input  wire  [             4:0] index_i,
    input  wire                     high_i,
    output logic [            31:0] rdata_o
);

  localparam int unsigned IncW = 10;
  logic [IncW-1:0] sum_grant_lines, sum_granted, sum_release_lines, sum_released, sum_empties;
  logic [IncW-1:0] sum_surplus, sum_ops, sum_replays;
  logic            inc_recall_q, inc_fetched_q, inc_written_q, inc_doorbell_q;

  tally #(.N(NumWorkers), .Width(1), .SumW(IncW)) u_sum_grant_lines (
      .clk_i, .rst_i, .values_i(grant_line_i), .sum_o(sum_grant_lines));
  tally #(.N(NumWorkers), .Width(4), .SumW(IncW)) u_sum_granted (
      .clk_i, .rst_i, .values_i(granted_i), .sum_o(sum_granted));
  tally #(.N(NumWorkers), .Width(1), .SumW(IncW)) u_sum_release_lines (
      .clk_i, .rst_i, .values_i(release_line_i), .sum_o(sum_release_lines));
  tally #(.N(NumWorkers), .Width(4), .SumW(IncW)) u_sum_released (
      .clk_i, .rst_i, .values_i(released_i), .sum_o(sum_released));
  tally #(.N(NumWorkers), .Width(1), .SumW(IncW)) u_sum_empties (
      .clk_i, .rst_i, .values_i(empty_i), .sum_o(sum_empties));
  tally #(.N(NumWorkers), .Width(5), .SumW(IncW)) u_sum_surplus (
      .clk_i, .rst_i, .values_i(surplus_i), .sum_o(sum_surplus));
  tally #(.N(NumBanks), .Width(1), .SumW(IncW)) u_sum_ops (
      .clk_i, .rst_i, .values_i(bank_op_i), .sum_o(sum_ops));
  tally #(.N(NumBanks), .Width(1), .SumW(IncW)) u_sum_replays (
      .clk_i, .rst_i, .values_i(replay_i), .sum_o(sum_replays));

  always_ff @(posedge clk_i) begin
    inc_recall_q   <= recall_i;
    inc_fetched_q  <= fetched_i;
    inc_written_q  <= written_i;
    inc_doorbell_q <= doorbell_i;
    if (rst_i) begin
      inc_recall_q   <= 1'b0;
      inc_fetched_q  <= 1'b0;
      inc_written_q  <= 1'b0;
      inc_doorbell_q <= 1'b0;
    end
  end

  // In the order of exalloc_pkg::Counter*, the first in the lowest bits.
  localparam int unsigned Count = 32;
  logic [Count*IncW-1:0] increments;
  assign increments = (Count * IncW)'({
    IncW'(depletion_i), IncW'(stream_pushed_i), IncW'(stream_popped_i), IncW'(governor_pass_i),
    IncW'(pushed_i), IncW'(popped_i), IncW'(lookaside_line_i),
    IncW'(taken_i), IncW'(linked_i), sum_replays, sum_ops,
    IncW'(inc_written_q), IncW'(inc_fetched_q), IncW'(inc_doorbell_q), IncW'(inc_recall_q),
    sum_surplus, IncW'(refusal_i), sum_empties, sum_released,
    sum_release_lines, sum_granted, sum_grant_lines, IncW'(1'b0)
  });

  logic [31:0] events_rdata, cycles_rdata;
  logic [ 1:0] cycles_q;  // the read on its way is one of the cycles

  event_counters #(.Count(Count), .IncW(IncW)) u_counters (
      .clk_i, .rst_i, .increments_i(increments), .re_i, .index_i, .high_i, .rdata_o(events_rdata));
  cycle_counter u_cycles (
      .clk_i, .rst_i, .gated_cycles_i, .re_i, .high_i, .rdata_o(cycles_rdata));

  always_ff @(posedge clk_i) begin
    cycles_q <= {cycles_q[0], index_i == exalloc_pkg::CounterCycles};
  end
  assign rdata_o = cycles_q[1] ? cycles_rdata : events_rdata;

endmodule

`default_nettype wire
