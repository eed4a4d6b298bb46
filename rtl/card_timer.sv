// Counts time and says when a period has passed, though the clock may stand still meanwhile.
//
// Contract: at each edge 1 + gated_cycles_i cycles have passed; that is seen here after 3 edges.
// tick_o is a pulse for each period_i cycles that passed, one a cycle: after a long rest they come
// one after the other, and behind 15 in a row what is left is forgotten: then a new period begins.
// A change of period_i begins a new one too; 0: no ticks. busy_o: ticks may be on their way without
// any more time passing.
// Cost: sums of up to 38 bits in halves (list_add): one carry chain of 21 bits a path.
`default_nettype none

module card_timer (
    input  wire         clk_i,
    input  wire         rst_i,
    input  wire  [31:0] period_i,
    input  wire  [31:0] gated_cycles_i,
    output logic        tick_o,
    output logic        busy_o
);

  localparam int unsigned MostTicks = 15;
  localparam int unsigned RunW      = $clog2(MostTicks);
  // As much as can be late: 15 times the longest rest.
  localparam int unsigned LateW     = 32 + $clog2(MostTicks + 1) + 2;

  // ---- Three stages: inputs; period - 1; what to add ----

  logic [31:0]      gated_q;
  logic [31:0]      gated2_q;
  logic [31:0]      period_q;
  logic [31:0]      less_q;      // period - 1
  logic [31:0]      less2_q;
  logic             change_q;    // a new period begins here
  logic             change2_q;
  logic             change3_q;
  logic             off2_q;
  logic             off3_q;
  logic [32:0]      passed_q;    // cycles
  logic [33:0]      over_q;      // cycles less a period
  logic [2:0]       rested_q;

  logic [31:0]      less;
  logic [33:0]      passed, over;
  list_add #(.Width(32)) u_less (.a_i(period_q), .b_i({32{1'b1}}), .carry_i(1'b0), .sum_o(less));
  list_add #(.Width(34)) u_passed (
      .a_i({2'b00, gated2_q}), .b_i('0), .carry_i(1'b1), .sum_o(passed));
  list_add #(.Width(34)) u_over (
      .a_i({2'b00, gated2_q}), .b_i({2'b11, ~less_q}), .carry_i(1'b1), .sum_o(over));

  always_ff @(posedge clk_i) begin
    gated_q   <= gated_cycles_i;
    period_q  <= period_i;
    change_q  <= period_i != period_q;
    gated2_q  <= gated_q;
    less_q    <= less;
    change2_q <= change_q;
    off2_q    <= period_q == '0;
    passed_q  <= passed[32:0];
    over_q    <= over;
    less2_q   <= less_q;
    change3_q <= change2_q;
    off3_q    <= off2_q;
    rested_q  <= {rested_q[1:0], gated_cycles_i != '0};
    if (rst_i) begin
      gated_q  <= '0;
      period_q <= '0;
      off2_q   <= 1'b1;
      off3_q   <= 1'b1;
      rested_q <= '0;
    end
  end

  // ---- Periods: late_q counts up from -period; from 0 on a tick is due. Without a period it stays
  // at -2^32 ----

  logic [LateW-1:0] late_q;
  logic [LateW-1:0] late_d;
  logic [RunW-1:0]  run_q;     // ticks in a row
  logic             forget_q;  // this tick is the last of a row

  assign tick_o = !late_q[LateW-1];
  list_add #(.Width(LateW)) u_late (
      .a_i((forget_q && tick_o) ? '0 : late_q),
      .b_i(tick_o ? {{(LateW - 34){over_q[33]}}, over_q} : LateW'(passed_q)),
      .carry_i(1'b0), .sum_o(late_d));

  logic unused;
  assign unused = &{1'b0, passed[33]};

  always_ff @(posedge clk_i) begin
    late_q   <= (change3_q || off3_q) ? {{(LateW - 32){1'b1}}, ~less2_q} : late_d;
    run_q    <= (tick_o && !forget_q) ? run_q + 1'b1 : '0;
    forget_q <= tick_o && run_q == RunW'(MostTicks - 2);
    if (rst_i) begin
      late_q   <= '1;
      run_q    <= '0;
      forget_q <= 1'b0;
    end
  end

  assign busy_o = tick_o || rested_q != '0;

endmodule

`default_nettype wire
