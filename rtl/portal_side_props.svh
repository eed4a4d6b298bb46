// What the portals promise together, for scripts/prove; rtl/formal/portal_side.sv wires them up and
// keeps the books that these properties look at.
//
// A line needs about 20 cycles from its doorbell to a worker, more than the bound: what is asserted
// about lines that have arrived, workers and completion lines below holds to the bound, but their
// wrong designs would not show, so they are not listed.
//
//@ proof full bounded 16 bmc3,sat@5 -DFV_VALUES_ONLY +u_table:portal_ram
//@ no_fetch: a portal with lines to read is looked at, or will be: none is forgotten
//@ wrong line_fetch: s/if \(event_i\) pending_q\[event_idx_i\] <= 1'b1;//

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
      assert (5'(\u_write.u_record.count_q ) + 5'(\u_write.u_queue.count_q ) == out_n);
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
      a_count: assert (&ok_count && 16'(accepted - answered) == 16'(out_n) + 16'(\u_write.w3_q ));
      a_host: assert (&ok_host);
      assert (!(\u_table.h1_scan_q && \u_table.h1_we_q ) && !(\u_table.h2_scan_q && \u_table.h2_we_q ));
      assert (!(\u_table.h3_start_q && (\u_table.h3_config_q || \u_table.h3_doorbell_q || \u_table.h3_base_q )));
      a_again: assert (&ok_again);
      a_quiet: assert (&ok_quiet);
      a_w2: assert (&ok_w2);
      assert (!\u_table.h1_we_q || since_q == 2'b01);
      assert (!\u_table.h2_we_q || since_q == 2'b10);
      assert (!(\u_table.h3_config_q || \u_table.h3_doorbell_q || \u_table.h3_base_q ) || since_q == '0);
      assert (since_q != 2'b11);
      // The pickers' words (portal_picker's own proof).
      assert ($onehot0(\u_fetch.onehot ) && $onehot0(\u_scheduler.onehot ));
      assert (\u_fetch.pick == (\u_fetch.onehot != '0) && \u_scheduler.pick == (\u_scheduler.onehot != '0));
      assert ((!\u_fetch.pick || \u_fetch.onehot [f_idx]) && (!\u_scheduler.pick || \u_scheduler.onehot [s_idx]));
      f_places: assert (&f_one && &f_locked_ok);
      s_places: assert (&s_one && &s_hand_ok);
      a_start: assert (&ok_start);
      a_ptr: assert (&ok_ptr);
      a_tail: assert (&ok_tail);
      a_rec: assert (&ok_rec);
      a_fetch: assert (&ok_fetch);
      a_run: assert (&ok_run);
      a_room: assert (&ok_room);
      a_buffer: assert (&ok_buffer);
      no_fetch: assert (&no_fetch_lost);
      no_run: assert (&no_run_lost);
      arrive_in_order: assert (!arrive || (arrive_ptr == PtrW'(arrive_number[PtrW-1:0] + 1'b1) &&
                               fill_addr == {arrive_idx, arrive_number[BufferW-1:0]} &&
                               fill_data[TagW-1:0] == {arrive_idx, arrive_number}));
      right_line: assert (!job_q || job_line[TagW-1:0] == {\u_scheduler.job_idx_q , job_number});
      one_worker: assert ($onehot0({recall, unit_take}) && (unit_take & busy_q) == '0);
      assert ($onehot0({\u_scheduler.job_recall_q , \u_scheduler.job_worker_q , \u_scheduler.job_side_q }));
    end
  end
