// What the portals promise together, for scripts/prove; rtl/formal/portal_side.sv wires them up and
// keeps the books that these properties look at.
//
// given_q, ended_q, told_q and sent_q count, for each portal since it started: lines given to a
// worker, the lookaside unit or RECALL; ends; completion lines taken from them; lines sent to the bus.
//
//@ proof full each 1 cadical,z3 -DFV_VALUES_ONLY +u_table:portal_ram
//@ catch 46 -DFV_VALUES_ONLY -DFV_GUIDED +u_table:portal_ram
//@ given_once: the n-th line of a portal that is given to a worker is its n-th line: none is lost, none is given twice
//@ wrong portal_scheduler: s/buffer_addr_o = \{p1_idx_q, p1_taken_q/buffer_addr_o = {p1_idx_q, p1_arrived_q/
//@ one_worker: a line is given to one worker, one that is idle
//@ wrong portal_scheduler: s/ && \(free & ~\(\{NumWorkers\{1'b1\}\} << w\)\) == '0//
//@ follows: a second line of a portal is given to the worker that has the first one, which does them in order, and to no other
//@ wrong portal_scheduler: s/follow     = p3_match_q & follow_ready_i/follow = p3_match_q/
//@ ended_once: a portal has at most two lines in hand, and an end is that of the first: none is ended twice
//@ wrong line_write: s/done_o     = w2_q && w2_last_q/done_o = w2_q/
//@ told_once: the n-th completion line sent to the bus for a portal is its n-th, in the slot of its number: none is lost, none sent twice
//@ wrong line_write: s/w_tail_o = w2_tail_q \+ 16'\(live_write\)/w_tail_o = w2_tail_q/
//@ a_count: completion lines sent and not yet answered by the bus are counted right for each portal
//@ wrong line_write: s/b_count_o = b_count_i \+ 1'b1/b_count_o = b_count_i/
//@ arrive_in_order: lines arrive in order, each in its place of the buffer, unchanged
//@ wrong line_fetch: s/line_ptr = burst_ptr \+ PtrW'\(beat_q\)/line_ptr = burst_ptr/
//@ no_fetch: a portal with lines to read is looked at, or will be: none is forgotten
//@ wrong line_fetch: s/if \(event_i\) pending_q\[event_idx_i\] <= 1'b1;//; s/<= event_i && !pending/<= 1'b0 \&\& !pending/
//@ no_run: a portal with a line to execute and room for its answer is looked at, or will be: none is forgotten
//@ wrong portal_scheduler: s/if \(arrive_i\) pending_q\[arrive_idx_i\] <= 1'b1;//; s/: arrive_i && !pending/: 1'b0 \&\& !pending/

  always_comb begin
    if (run_q) begin
      // Queues and counts
      assert (rec_n <= 3'(MaxBursts) && \u_fetch.u_record.count_q == rec_n);
      assert (\u_fetch.u_record.full_q == (rec_n == 3'(MaxBursts)) &&
              \u_fetch.u_record.some_q == (rec_n != '0));
      assert (\u_fetch.u_ar.full_q == (arq_n == 4'd8) && \u_fetch.u_ar.some_q == (arq_n != '0));
      assert (4'(\u_fetch.bus_q ) == 4'(arvalid) + 4'(on_bus_q) + 4'(at_bus));
      assert (\u_fetch.bus_q <= 3'(MaxBursts));
      assert (4'(rec_n) == arq_n + 4'(\u_fetch.bus_q ) && arq_n <= 4'(MaxBursts));
      assert (in_beat_q == (\u_fetch.r_q ? (\u_fetch.r_last_q ? 2'd0 : \u_fetch.beat_q + 2'd1) : \u_fetch.beat_q ));
      assert (rec_n == '0 || 3'(\u_fetch.beat_q ) < rec_q[2:0]);
      assert (rec_n != '0 || (\u_fetch.beat_q == '0 && !\u_fetch.r_q ));
      assert (!\u_fetch.r_q || \u_fetch.r_last_q == (3'(\u_fetch.beat_q ) + 3'd1 == rec_q[2:0]));
      assert (!\u_fetch.r_q || \u_fetch.r_data_q [TagW-1:0] ==
              {rec_q[RecW-1:19], rec_q[18:3] + 16'(\u_fetch.beat_q )});
      assert ((busy_q | ~offer_q) == '1);
      assert (&ok_worker);
      assert ($onehot0(\u_write.grant_q ) && $onehot0(src1_q) && $onehot0(src2_q));
      assert (\u_write.w1_q == (src1_q != '0) && \u_write.w2_q == (src2_q != '0));
      assert ((\u_write.grant_q & src1_q) == '0 && (src1_q & src2_q) == '0);
      assert ((\u_write.grant_q & ~out_valid) == '0);
      assert (!src1_q[NU] || \u_write.w1_last_q );
      assert (!src2_q[NU] || \u_write.w2_last_q );
      assert (!recall_offer_q || recalls_q[recall_portal]);
      assert (\u_write.u_record.count_q <= 3'(MaxWrites) &&
              \u_write.u_record.full_q == (\u_write.u_record.count_q == 3'(MaxWrites)) &&
              \u_write.u_record.some_q == (\u_write.u_record.count_q != '0));
      assert (\u_write.u_queue.count_q <= 4'(QueueDepth) &&
              \u_write.u_queue.full_q == (\u_write.u_queue.count_q == 4'(QueueDepth)) &&
              \u_write.u_queue.some_q == (\u_write.u_queue.count_q != '0));
      assert (4'(\u_write.u_record.count_q ) == 4'(aw_n) + 4'(awvalid) + 4'(\u_write.b_q ));
      assert (4'(\u_write.u_record.count_q ) == 4'(w_n) + 4'(wvalid) + 4'(\u_write.b_q ));
      assert (!\u_write.room_q || \u_write.u_queue.count_q <= 4'd3);
      w_queue_room: assert (5'(\u_write.u_queue.count_q ) + 5'(\u_write.w3_q ) + 5'(\u_write.w2_q ) +
              5'(\u_write.w1_q ) + 5'(\u_write.grant_q != '0) <= 5'(QueueDepth));
      a_count: assert (&ok_count && 16'(accepted - answered) == 16'(out_n) + 16'(wait_n) + 16'(\u_write.w3_q ));
      assert (ok_host[0]);
      assert (ok_host[1]);
      assert (ok_bell[0]);
      assert (ok_bell[1]);
      assert (!(\u_table.h1_scan_q && \u_table.h1_we_q ) && !(\u_table.h2_scan_q && \u_table.h2_we_q ));
      assert (!(\u_table.h3_start_q && (\u_table.h3_config_q || \u_table.h3_doorbell_q || \u_table.h3_base_q )));
      assert (ok_again[0]);
      assert (ok_again[1]);
      assert (ok_quiet[0]);
      assert (ok_quiet[1]);
      assert (ok_w2[0]);
      assert (ok_w2[1]);
      assert (!\u_table.h1_we_q || since_q == 2'b01);
      assert (!\u_table.h2_we_q || since_q == 2'b10);
      assert (!(\u_table.h3_config_q || \u_table.h3_doorbell_q || \u_table.h3_base_q ) || since_q == '0);
      assert (since_q != 2'b11);
      // The pickers' words (portal_picker's own proof), and what is made of them.
      assert ($onehot0(\u_fetch.turn_onehot ) && $onehot0(\u_scheduler.turn_onehot ));
      assert (\u_fetch.turn == (\u_fetch.turn_onehot != '0) &&
              \u_scheduler.turn == (\u_scheduler.turn_onehot != '0));
      assert ((!\u_fetch.turn || \u_fetch.turn_onehot [\u_fetch.turn_idx ]) &&
              (!\u_scheduler.turn || \u_scheduler.turn_onehot [\u_scheduler.turn_idx ]));
      assert (&f_quick_ok && &s_quick_ok);
      assert ($onehot0(\u_fetch.onehot ) && $onehot0(\u_scheduler.onehot ));
      assert (\u_fetch.pick == (\u_fetch.onehot != '0) && \u_scheduler.pick == (\u_scheduler.onehot != '0));
      assert ((!\u_fetch.pick || \u_fetch.onehot [f_idx]) && (!\u_scheduler.pick || \u_scheduler.onehot [s_idx]));
      f_places: assert (&f_one && &f_locked_ok);
      s_places: assert (&s_one && &s_hand_ok);
      assert (ok_start[0]);
      assert (ok_start[1]);
      assert (ok_ptr[0]);
      assert (ok_ptr[1]);
      assert (ok_tail[0]);
      assert (ok_tail[1]);
      assert (ok_rec[0]);
      assert (ok_rec[1]);
      assert (ok_fetch[0]);
      assert (ok_fetch[1]);
      assert (ok_run[0]);
      assert (ok_run[1]);
      assert (ok_room[0]);
      assert (ok_room[1]);
      assert (ok_buffer[0]);
      assert (ok_buffer[1]);
      no_fetch: assert (&no_fetch_lost);
      no_run: assert (&no_run_lost);
      arrive_in_order: assert (!arrive || (arrive_ptr == PtrW'(arrive_number[PtrW-1:0] + 1'b1) &&
                               fill_addr == {arrive_idx, arrive_number[BufferW-1:0]} &&
                               fill_data[TagW-1:0] == {arrive_idx, arrive_number}));
      right_line: assert (!job_q || job_line[511-:TagW] == {\u_scheduler.job_idx_q , job_number});
      assert (ok_given[0]);
      assert (ok_given[1]);
      assert (ok_told[0]);
      assert (ok_told[1]);
      assert (&ok_out);
      assert (&ok_queued);
      assert (&ok_entry[1:0]);
      assert (&ok_entry[3:2]);
      assert (&ok_entry[5:4]);
      assert (&ok_entry[7:6]);
      assert (&ok_entry[9:8]);
      assert (&ok_entry[11:10]);
      assert (&ok_entry[13:12]);
      assert (&ok_entry[15:14]);
      given_once: assert (!give || job_line[511-:TagW] == {\u_scheduler.job_idx_q , given});
      ended_once: assert (&ended_right);
      told_once: assert (!\u_write.pop || (\u_write.queue_line [511-:TagW] == {\u_write.queue_idx , sent} &&
                         sent_slot));
      one_worker: assert ($onehot0({recall, unit_take, unit_follow}) &&
                          (unit_take & (busy_q | next_q)) == '0 && (unit_follow & next_q) == '0);
      assert ($onehot0(\u_scheduler.chosen_q ) && \u_scheduler.any_q == (\u_scheduler.chosen_q != '0) &&
              (\u_scheduler.chosen_q & ~(job_ready & ~follow_valid)) == '0);
      follows: assert (&s_same);
      assert ($onehot0({\u_scheduler.job_recall_q , \u_scheduler.job_worker_q ,
                        \u_scheduler.job_side_q , follow_valid}) && !next_q[NumWorkers]);
    end
  end
