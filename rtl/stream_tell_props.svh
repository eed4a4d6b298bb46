// What stream_tell promises, for scripts/prove.
//
//@ proof short induction 2 sat,z3
//@ stable: an offer stays as it is until it is taken
//@ wrong: s/else if \(tell_ready_i\)/else/
//@ given: what was given and not yet told is inside, none lost and none twice
//@ wrong: s/take \? '0 : got_q/got_q/
//@ released: what was released and not yet told is inside, none lost and none twice
//@ wrong: s/take \? '0 : released_q/got_valid_q ? '0 : released_q/
//@ whole: no sum runs over while the other side stops when asked to
//@ wrong: s/got_full_o      = got_q\[6\]/got_full_o      = 1'b0/
//@ order: a release is offered only when all that was given before its last block has been told
//@ wrong: s/tell_release_o  = !got_valid_q/tell_release_o  = released_valid_q/
//@ done: empty_o says that all has been told
//@ wrong: s/released_q == '0 && !tell_valid_o/!tell_valid_o/

// Whoever counts has two stages behind the decision to stop, and never more than 16 or 64 at once.
logic [1:0] fv_stop_q;
always_ff @(posedge clk_i) fv_stop_q <= rst_i ? 2'b11 : {fv_stop_q[0], got_full_o};
always_comb begin
  assume (got_i <= 5'd16 && (!fv_stop_q[1] || got_i == '0));
  assume (released_i <= 7'd64 && (!released_full_o || released_i == '0));
end

// Not yet told, modulo 256, and what of it is given before the release on offer
logic [7:0] fv_given_q, fv_released_q;
logic fv_offer_q, fv_release_q;
logic [6:0] fv_count_q;
always_ff @(posedge clk_i) begin
  if (rst_i) begin
    fv_given_q    <= '0;
    fv_released_q <= '0;
    fv_offer_q    <= 1'b0;
  end else begin
    fv_given_q    <= fv_given_q + 8'(got_i) -
                     ((tell_valid_o && tell_ready_i && !tell_release_o) ? 8'(tell_count_o) : '0);
    fv_released_q <= fv_released_q + 8'(released_i) -
                     ((tell_valid_o && tell_ready_i && tell_release_o) ? 8'(tell_count_o) : '0);
    fv_offer_q    <= tell_valid_o && !tell_ready_i;
  end
  fv_release_q <= tell_release_o;
  fv_count_q   <= tell_count_o;
end

always_comb begin
  if (fv_run_q) begin
    stable: assert (!fv_offer_q || (tell_valid_o && tell_release_o == fv_release_q &&
                                    tell_count_o == fv_count_q));
    given: assert (fv_given_q == 8'(got_q) + (got_valid_q ? 8'(tell_got_q) : '0));
    released: assert (fv_released_q ==
                      8'(released_q) + (released_valid_q ? 8'(tell_released_q) : '0));
    whole: assert (take || (8'(got_q) + 8'(got_i) < 8'd128 &&
                            8'(released_q) + 8'(released_i) < 8'd128));
    order: assert (!(tell_valid_o && tell_release_o) || fv_given_q == 8'(got_q));
    done: assert (empty_o == (fv_given_q == '0 && fv_released_q == '0));
    assert (got_q <= 7'd111 && (fv_stop_q[0] || got_q <= 7'd79) &&
            (fv_stop_q[1] || got_q <= 7'd95));
    assert (!got_valid_q || tell_got_q != '0);
    assert (!released_valid_q || tell_released_q != '0);
  end
end
