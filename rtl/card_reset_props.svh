// What card_reset promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr
//@ buses_first: but for the board's reset, everything is reset only after the buses were quiet
//@ wrong: s/if \(bus_quiet_i\) state_q <= StHold/state_q <= StHold/
//@ no_access_cut: but for the board's reset, no register access is under way when everything is reset
//@ wrong: s/if \(waited_q && !busy_o\)/if (waited_q)/
//@ ready_means_running: ready_o is low from the cycle after the host asks until everything is reset
//@ wrong: s/state_q == StRun && !reset_i && !core_rst_o/!reset_i \&\& !core_rst_o/
//@ stopped: while a reset is awaited no new transfer begins
//@ wrong: s/stop_o     <= state_q != StRun \|\| reset_i/stop_o <= state_q != StRun/
//@ long_enough: a reset lasts at least 4 cycles
//@ wrong: s/count_q == 3'\(Pulse \+ Settle\)/count_q == 3'd1/
//@ proof short induction 3 sat,pdr Settle=2
//@ settled: after core_rst_o nothing is let in, and the card is not ready, for Settle cycles
//@ wrong: s/Pulse \+ Settle/Pulse/

// The register port: an access is taken only while it is not held off; an answer only for one taken.
logic fv_aw_q, fv_w_q, fv_ar_q, fv_quiet_q, fv_board_q, fv_was_reset_q, fv_host_q;
logic [2:0] fv_pulse_q, fv_settled_q;
always_comb begin
  assume (!(hold_aw_o && aw_i) && !(hold_w_o && w_i) && !(hold_ar_o && ar_i));
  assume (!b_i || (fv_aw_q && fv_w_q));
  assume (!r_i || fv_ar_q);
  assume (!aw_i || !fv_aw_q || b_i);
  assume (!w_i || !fv_w_q || b_i);
  assume (!ar_i || !fv_ar_q || r_i);
end
always_ff @(posedge clk_i) begin
  fv_aw_q <= !rst_i && (aw_i || (fv_aw_q && !b_i));
  fv_w_q  <= !rst_i && (w_i || (fv_w_q && !b_i));
  fv_ar_q <= !rst_i && (ar_i || (fv_ar_q && !r_i));
  // Since the host asked: were the buses quiet?
  if (rst_i || state_q == StRun) fv_quiet_q <= 1'b0;
  else if (state_q == StDrain && bus_quiet_i) fv_quiet_q <= 1'b1;
  fv_board_q     <= rst_i || (fv_board_q && (core_rst_o || state_q == StReset));
  fv_host_q      <= !rst_i && reset_i;
  fv_was_reset_q <= core_rst_o && !rst_i;
  fv_settled_q   <= rst_i || core_rst_o ? 3'd0 : fv_settled_q == 3'd7 ? 3'd7 : fv_settled_q + 3'd1;
  fv_pulse_q     <= rst_i || !core_rst_o ? 3'd0 : fv_pulse_q == 3'd7 ? 3'd7 : fv_pulse_q + 3'd1;
end
always_comb begin
  if (fv_run_q) begin
    buses_first: assert (!(core_rst_o && fv_pulse_q == 3'd0) || fv_board_q || fv_quiet_q);
    assert (!(state_q == StHold || (state_q == StReset && !fv_board_q)) || fv_quiet_q);
    no_access_cut: assert (!core_rst_o || fv_board_q || !(fv_aw_q || fv_w_q || fv_ar_q));
    ready_means_running: assert (!ready_o || (!core_rst_o && !fv_host_q &&
                                              state_q == StRun));
    stopped: assert (!(fv_host_q || state_q == StDrain || state_q == StHold) || stop_o);
    assert (fv_aw_q == aw_q && fv_w_q == w_q && fv_ar_q == ar_q);
    assert (!((state_q == StReset || core_rst_o)) || (hold_q && !busy_o));
    assert (!(state_q == StHold && waited_q) || hold_q);
    assert (count_q <= 3'(5 + Settle) &&
            (state_q == StReset ? count_q <= 3'(4 + Settle) : (count_q == '0 || state_q == StRun)));
    assert (!(state_q == StReset && count_q != '0 && count_q <= 3'd5) ||
            (core_rst_o && 4'(fv_pulse_q) + 4'd1 >= 4'(count_q)));
    assert (!(state_q == StReset && count_q > 3'd5) || !core_rst_o);
    assert (!(state_q == StReset && count_q > 3'd5) || 3'(fv_settled_q + 3'd6) == count_q);
    assert (!(state_q == StRun && core_rst_o) || fv_pulse_q >= 3'd4);
    settled: assert (fv_settled_q >= 3'(Settle) || (hold_aw_o && hold_w_o && hold_ar_o && !ready_o));
    assert (!core_rst_o || state_q == StRun || state_q == StReset || state_q == StDrain);
    long_enough: assert (!(fv_was_reset_q && !core_rst_o) || fv_pulse_q == 3'd0 || fv_pulse_q >= 3'd4);
  end
end
