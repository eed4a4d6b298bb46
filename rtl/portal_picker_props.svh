// What portal_picker promises, for scripts/prove.
//
//@ proof short induction 2 sat,pdr NumPortals=4
//@ served_in_two_rounds: a portal that keeps asking is picked after at most 2 x NumPortals cycles
//@   that let the picker go on: nobody is starved
//@ wrong: s/round_q & ~first\[NumPortals-1:0\]/round_q/
//@ one_at_a_time: at most one portal is picked at a time, and pick_o says so
//@ wrong: s/ && \(round\[g\*8\+:8\] & ~\(8'hff << i\)\) == '0//
//@ names_the_pick: idx_o is the portal picked
//@ wrong: s/idx \| 6'\(g \* 8 \+ i\)/idx | 6'(g * 8 + i) >> 1/
//@ left_the_round: what is picked has left the round: it is not picked twice for one request
//@ wrong: s/req_i & ~onehot_o/req_i/
//@ proof short induction 2 sat,pdr NumPortals=10
//@ fast_form: first and idx are what the word arithmetic of EXALLOC_FAST_SIM gives
//@ wrong: s/round\[g\*8\+i\] && chosen\[g\] && /round[g*8+i] \&\& /
//@ served_in_two_rounds: the same with two groups, the second one incomplete
//@ wrong: s/any & ~\(\{Groups/any \& ({Groups/
//@ one_at_a_time: the same
//@ wrong: s/any\[g\] && \(any.*;/any[g];/

localparam int unsigned FvBound = 2 * NumPortals;
localparam int unsigned FvW     = $clog2(FvBound + 2) + 1;

logic [NumPortals*FvW-1:0] fv_waited_q;  // cycles with advance_i since it asked
logic [NumPortals*FvW-1:0] fv_ahead;     // those of its round, or of the round before, that come first
logic [NumPortals-1:0]     fv_late;

always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < NumPortals; i = i + 1) begin
    if (rst_i || !req_i[i] || onehot_o[i]) fv_waited_q[i*FvW+:FvW] <= '0;
    else if (advance_i && fv_waited_q[i*FvW+:FvW] <= FvW'(FvBound)) begin
      fv_waited_q[i*FvW+:FvW] <= fv_waited_q[i*FvW+:FvW] + 1'b1;
    end
  end
end

// In the round: only those below come first. Not yet: the rest of this round, one cycle for the
// next, and everybody else once more.
always_comb begin
  for (int unsigned i = 0; i < NumPortals; i = i + 1) begin
    fv_ahead[i*FvW+:FvW] = round_q[i] ? '0 : FvW'(NumPortals);
    for (int unsigned j = 0; j < NumPortals; j = j + 1) begin
      if (round_q[j] && (!round_q[i] || j < i)) begin
        fv_ahead[i*FvW+:FvW] = fv_ahead[i*FvW+:FvW] + 1'b1;
      end
    end
    fv_late[i] = fv_waited_q[i*FvW+:FvW] > FvW'(FvBound + 1) ||
                 (!onehot_o[i] &&
                  fv_waited_q[i*FvW+:FvW] + fv_ahead[i*FvW+:FvW] > FvW'(FvBound));
  end
end

always_comb begin
  if (fv_run_q) begin
    fast_form: assert (first == (round & -round) &&
                       (round == '0 ? idx == '0 : first == Wide'(1) << idx));
    one_at_a_time: assert ($onehot0(onehot_o) && pick_o == (onehot_o != '0));
    names_the_pick: assert (!pick_o || onehot_o[idx_o]);
    left_the_round: assert ((round_q & onehot_o) == '0);
    served_in_two_rounds: assert (fv_late == '0);
  end
end
